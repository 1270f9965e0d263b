"""The header Request-Deadline-Ms: a request ends when its client stops waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import requests

from scripts.server import Cluster
from tests.support.client import Client, at, new_key, ok, problem
from tests.support.people import People
from tests.support.raw import connect, everything, refused, request

SHORT, LONG = "200", "60000"


@contextmanager
def locked(cluster: Cluster, database: str, table: str, **row: str) -> Iterator[None]:
    """A row of a table, found by one column and locked by another transaction."""
    ((column, value),) = row.items()
    with psycopg.connect(cluster.url(database)) as connection:
        statement = f"select from app.{table} where {column} = %s for update"
        connection.execute(statement.encode(), (value,))
        yield


def book(patient: Client, slot: dict[str, Any], key: str, milliseconds: str) -> requests.Response:
    headers = {"Idempotency-Key": key, "Request-Deadline-Ms": milliseconds}
    return patient.send("POST", "/v1/consultations", json={"slot_id": slot["id"]}, headers=headers)


def replayed(answer: requests.Response) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def test_retry_after_a_passed_deadline_books_exactly_once(
    doctor: Client, patient: Client, cluster: Cluster, database: str
) -> None:
    slot, key = doctor.publish(), new_key()
    with locked(cluster, database, "availability_slots", id=slot["id"]):
        for _ in range(2):  # the same key starts again each time
            late = problem(book(patient, slot, key, SHORT), 504, "HTTP504")
            assert "rolled back" in late["detail"]
            assert "same Idempotency-Key" in late["detail"]
    assert ok(patient.get("/v1/consultations"))["items"] == []

    first, again = (book(patient, slot, key, LONG) for _ in range(2))
    assert (ok(first, 201), replayed(first)) == (ok(again, 201), False)
    assert replayed(again)
    assert [c["id"] for c in ok(patient.get("/v1/consultations"))["items"]] == [first.json()["id"]]


def test_key_of_a_request_past_its_deadline_is_free_for_another_request(
    doctor: Client, patient: Client, cluster: Cluster, database: str
) -> None:
    slot, other, key = doctor.publish(), doctor.publish(at(2)), new_key()
    with locked(cluster, database, "users", id=patient.id):
        problem(book(patient, slot, key, SHORT), 504, "HTTP504")
    assert ok(book(patient, other, key, LONG), 201)["slot_id"] == other["id"]


def test_database_stops_working_before_the_answer(
    doctor: Client, patient: Client, cluster: Cluster, database: str
) -> None:
    slot = doctor.publish()
    with locked(cluster, database, "availability_slots", id=slot["id"]):
        problem(book(patient, slot, new_key(), SHORT), 504, "HTTP504")
        waiting = f"""
            select count(*) from pg_stat_activity
            where datname = '{database}' and usename = 'telemed_api' and state <> 'idle'"""
        assert cluster.sql(waiting).strip() == "0"
        locks = f"""
            select count(*) from pg_locks as l inner join pg_database as d on d.oid = l.database
            where d.datname = '{database}' and l.locktype = 'advisory'"""
        assert cluster.sql(locks).strip() == "0"


def test_longer_deadline_does_not_extend_the_limit_of_the_server(
    doctor: Client, patient: Client, cluster: Cluster, database: str
) -> None:
    slot = doctor.publish()
    with locked(cluster, database, "availability_slots", id=slot["id"]):
        problem(book(patient, slot, new_key(), LONG), 503, "55P03")


def test_request_without_a_key_is_told_that_it_was_rolled_back(
    patient: Client, cluster: Cluster, database: str
) -> None:
    headers, body = {"Request-Deadline-Ms": SHORT}, {"full_name": "Late"}
    with locked(cluster, database, "profiles", user_id=patient.id):
        answer = patient.send("PATCH", "/v1/me", json=body, headers=headers)
    late = problem(answer, 504, "HTTP504")
    assert "rolled back" in late["detail"]
    assert "Idempotency-Key" not in late["detail"]
    assert ok(patient.get("/v1/me"))["full_name"] != "Late"


def test_request_in_time_gets_its_answer(doctor: Client, patient: Client) -> None:
    slot = doctor.publish()
    headers = {"Request-Deadline-Ms": LONG}
    path = f"/v1/doctors/{doctor.id}/slots"
    listed = ok(patient.send("GET", path, headers=headers))["items"]
    assert slot["id"] in [item["id"] for item in listed]
    unknown = patient.send("GET", f"/v1/consultations/{slot['id']}", headers=headers)
    problem(unknown, 404, "TM403")
    assert ok(patient.send("GET", path, headers=headers))["items"] == listed


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1e3", "+5", "soon", "600001", "", "٣"])
def test_malformed_deadline_is_refused(patient: Client, value: str) -> None:
    headers = {"Request-Deadline-Ms": value.encode()}
    answer = patient.send("GET", "/v1/me", headers=headers)  # type: ignore[arg-type]
    body = problem(answer, 400, "HTTP400")
    assert [error["header"] for error in body["errors"]] == ["Request-Deadline-Ms"]
    assert "whole number from 1 to 600000" in body["detail"]


def test_two_deadlines_are_refused(patient: Client) -> None:
    deadlines = ("Request-Deadline-Ms: 100", "request-deadline-ms: 100")
    token = f"Authorization: Bearer {patient.token}"
    with connect(patient.url) as connection:
        connection.sendall(request("GET", "/v1/me", token, *deadlines, "Connection: close"))
        refusal = refused(everything(connection), 400)
    assert refusal["errors"][0]["header"] == "Request-Deadline-Ms"


def test_refusal_of_a_request_past_its_deadline_is_in_the_access_log(
    patient: Client, new_admin: People
) -> None:
    admin = new_admin()
    for _ in range(5):
        answer = patient.send("GET", "/v1/admin/invariants", headers={"Request-Deadline-Ms": "1"})
        problem(answer, 403, "TM301")
    entries = ok(admin.get("/v1/admin/access-logs", user_id=patient.id))["items"]
    denials = [entry for entry in entries if entry["user_id"] == patient.id]
    assert len(denials) == 5
