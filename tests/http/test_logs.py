"""Log lines of requests: what they contain, and what they never contain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.client import Client, new_key, ok
from tests.support.server import Server


def line_of(server: Server, request_id: str) -> dict[str, Any]:
    """The one line of a request."""
    lines = [json.loads(line) for line in server.output.splitlines()]
    (line,) = (line for line in lines if line.get("request_id") == request_id)
    return line


def test_log_line_describes_the_request_without_patient_data(
    server: Server, doctor: Client, patient: Client
) -> None:
    request_id = f"log-{new_key()}"
    body = {"slot_id": doctor.publish()["id"], "reason": "A very private reason"}
    headers = {"X-Request-Id": request_id, "Idempotency-Key": new_key()}
    ok(patient.send("POST", "/v1/consultations?", json=body, headers=headers), 201)
    line = line_of(server, request_id)
    assert line["event"] == "request"
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/consultations", 201)
    assert line["user_id"] == patient.id
    assert 0 < line["duration_ms"] < 60_000
    assert line["time"].endswith("Z")
    # The text of messages is logged in tests: see api.delivery.
    lines = "".join(
        line for line in server.output.splitlines() if json.loads(line)["event"] != "delivery"
    )
    for secret in ("private", patient.email, patient.token, "correct horse", "Pat Patient"):
        assert secret not in lines


@pytest.mark.parametrize("path", ["/v1/nothing/secret-path", "/v1/me?token=secret-query"])
def test_log_line_has_the_route_instead_of_the_path(
    server: Server, stranger: Client, path: str
) -> None:
    request_id = f"log-{new_key()}"
    stranger.send("GET", path, headers={"X-Request-Id": request_id})
    line = line_of(server, request_id)
    assert line["route"] in ("unknown", "/v1/me")
    assert line["user_id"] is None
    assert "secret-" not in server.output


def test_log_lines_are_json(server: Server, stranger: Client) -> None:
    stranger.get("/health")
    for line in server.output.splitlines():
        fields = json.loads(line)
        assert {"event", "level", "time"} <= set(fields)
