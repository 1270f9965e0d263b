"""The headers that name a request and its trace."""

from __future__ import annotations

import json
import re

import pytest

from api import traces
from tests.support.client import Client, new_key, ok, problem
from tests.support.server import Server

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"


def line_of(server: Server, request_id: str) -> dict[str, object]:
    lines = [json.loads(line) for line in server.output.splitlines()]
    found: dict[str, object] = next(x for x in lines if x.get("request_id") == request_id)
    return found


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (VALID, True),
        (f"00-{TRACE}-{PARENT}-00", False),
        (f"00-{TRACE}-{PARENT}-fe", False),
        (f"00-{TRACE}-{PARENT}-ff", True),
        (f" {VALID}\t", True),
        # A later version may have more fields.
        (f"cc-{TRACE}-{PARENT}-01", True),
        (f"cc-{TRACE}-{PARENT}-01-what-the-future-brings", True),
    ],
)
def test_valid_traceparent_is_continued(header: str, sampled: bool) -> None:
    found = traces.trace(header)
    assert found is not None
    assert (found.trace_id, found.parent_id, found.sampled) == (TRACE, PARENT, sampled)
    assert re.fullmatch(r"(?!0{16})[0-9a-f]{16}", found.span_id)
    assert found.header == f"00-{TRACE}-{found.span_id}-0{int(sampled)}"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}0-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-01-more",
        f"0-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"00_{TRACE}_{PARENT}_01",
        f"{VALID},{VALID}",
        f"{VALID}\n",
        "００-" + VALID[3:],
    ],
)
def test_other_traceparent_is_ignored(header: str) -> None:
    assert traces.trace(header) is None


def test_trace_names_a_request_without_an_id(
    server: Server, admin: Client, patient: Client, doctor: Client
) -> None:
    trace_id = new_key().replace("-", "")
    headers = {"traceparent": f"00-{trace_id}-{PARENT}-01", "Idempotency-Key": new_key()}
    body = {"slot_id": doctor.publish()["id"]}
    answer = patient.send("POST", "/v1/consultations", json=body, headers=headers)
    booked = ok(answer, 201)
    assert answer.headers["X-Request-Id"] == trace_id
    version, of_answer, span_id, flags = answer.headers["traceresponse"].split("-")
    assert (version, of_answer, flags) == ("00", trace_id, "01")
    line = line_of(server, trace_id)
    assert (line["trace_id"], line["parent_id"]) == (trace_id, PARENT)
    assert line["span_id"] == span_id
    # The database gets it as the name of the request.
    query = {"table_name": "consultations", "row_id": booked["id"]}
    (change,) = ok(admin.get("/v1/admin/audit-logs", **query))["items"]
    assert change["request_id"] == trace_id


def test_request_id_precedes_the_trace(server: Server, stranger: Client) -> None:
    name = new_key()
    headers = {"traceparent": VALID, "X-Request-Id": name}
    answer = stranger.send("GET", "/v1/me", headers=headers)
    assert problem(answer, 401)["request_id"] == name
    assert line_of(server, name)["trace_id"] == TRACE


def test_invalid_traceparent_changes_nothing(server: Server, stranger: Client) -> None:
    answer = stranger.send("GET", "/v1/me", headers={"traceparent": f"00-{'0' * 32}-{PARENT}-01"})
    problem(answer, 401)
    assert "traceresponse" not in answer.headers
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert "trace_id" not in line_of(server, answer.headers["X-Request-Id"])


def test_request_id_comes_back_under_its_own_name(stranger: Client) -> None:
    answer = stranger.send("GET", "/v1/me", headers={"Request-Id": "app-1.2:3"})
    assert answer.headers["Request-Id"] == answer.headers["X-Request-Id"] == "app-1.2:3"
    assert problem(answer, 401)["request_id"] == "app-1.2:3"
    assert "Request-Id" not in stranger.get("/health").headers
    unsafe = stranger.send("GET", "/v1/me", headers={"Request-Id": "<script>"})
    assert re.fullmatch("[0-9a-f]{32}", unsafe.headers["Request-Id"])
