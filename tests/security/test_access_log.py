"""The access log: reads of data of patients, and refusals."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

from scripts.server import Cluster
from tests.support.client import Client, at, new_key, ok, problem

People = Callable[..., Client]


def entries(admin: Client, **query: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(admin.get("/v1/admin/access-logs", **query))["items"]
    return found


def minutes_since(began: float) -> int:
    """The number of minutes that have begun since `began`, a value of time.monotonic()."""
    return int((time.monotonic() - began) // 60) + 1


def test_read_by_a_doctor_is_in_the_access_log_and_by_the_patient_is_not(
    admin: Client, patient: Client, doctor: Client
) -> None:
    booked = patient.book(doctor.publish())["id"]
    ok(patient.get(f"/v1/consultations/{booked}"))
    ok(patient.get("/v1/consultations"))
    assert entries(admin, user_id=patient.id) == []
    answer = doctor.get(f"/v1/consultations/{booked}")
    (entry,) = entries(admin, user_id=doctor.id)
    assert (entry["kind"], entry["operation"]) == ("read", "get_consultation")
    assert entry["resource_ids"] == [booked]
    assert entry["database_login"] == "telemed_api"
    assert entry["request_id"] == answer.headers["X-Request-Id"]


def test_refused_read_of_a_foreign_consultation_is_in_the_access_log(
    admin: Client, patient: Client, doctor: Client, new_patient: People
) -> None:
    booked = patient.book(doctor.publish())["id"]
    other = new_patient()
    answer = other.get(f"/v1/consultations/{booked}")
    problem(answer, 404, "TM403")
    (entry,) = entries(admin, resource_id=booked)
    assert (entry["kind"], entry["code"]) == ("denied", "TM403")
    assert (entry["user_id"], entry["role"]) == (other.id, "patient")
    assert entry["request_id"] == answer.headers["X-Request-Id"]
    problem(other.get("/v1/consultations/00000000-0000-4000-8000-000000000000"), 404)
    assert len(entries(admin, user_id=other.id)) == 1


def test_refused_role_is_in_the_access_log(admin: Client, patient: Client) -> None:
    problem(patient.get("/v1/admin/analytics"), 403, "TM301")
    (entry,) = entries(admin, user_id=patient.id, kind="denied")
    assert (entry["operation"], entry["code"]) == ("clinic_analytics", "TM301")


def test_repeated_refusals_do_not_fill_the_access_log(admin: Client, patient: Client) -> None:
    began = time.monotonic()
    for _ in range(60):
        problem(patient.get("/v1/admin/analytics"), 403, "TM301")
    found = entries(admin, user_id=patient.id, limit=100)
    # Each of the two worker processes writes at most twenty lines a minute.
    assert 20 <= len(found) <= 40 * minutes_since(began)


def test_act_as_is_in_the_server_log_after_a_rollback(
    cluster: Cluster, database: str, patient: Client
) -> None:
    with psycopg.connect(cluster.url(database, "postgres")) as connection:
        connection.execute("set role telemed_dba")
        connection.execute("set client_min_messages = error")
        connection.execute("select ops.act_as(%s)", (patient.email,))
        connection.rollback()
    assert f"acts as {patient.id}" in cluster.log.read_text(errors="replace")


def test_request_id_of_a_dba_does_not_hide_a_reader(
    cluster: Cluster, database: str, patient: Client, doctor: Client
) -> None:
    booked = patient.book(doctor.publish())["id"]
    with psycopg.connect(cluster.url(database, "postgres")) as connection:
        connection.execute("set role telemed_dba")
        connection.execute("select ops.act_as(%s)", (doctor.email,))
        connection.execute("select api.get_consultation(%s)", (booked,))
    (acted,) = ok(doctor.get("/v1/me/access-log"))["items"]
    assert (acted["operation"], acted["reader_role"]) == ("act_as", "dba")
    headers = {"X-Request-Id": acted["request_id"]}
    ok(doctor.send("GET", f"/v1/consultations/{booked}", headers=headers))
    by_doctor, by_dba = ok(patient.get("/v1/me/access-log"))["items"]
    assert by_doctor["request_id"] == by_dba["request_id"] == acted["request_id"]
    assert (by_doctor["reader_role"], by_dba["reader_role"]) == ("doctor", "dba")
    assert by_doctor["reader_name"] == ok(doctor.get("/v1/me"))["full_name"]


def test_attempt_of_a_deactivated_account_is_in_the_access_log(
    cluster: Cluster, database: str, admin: Client, patient: Client
) -> None:
    cluster.sql(f"update app.users set deactivated_at = now() where id = '{patient.id}'", database)
    problem(patient.get("/v1/me"), 401, "TM102")
    (entry,) = entries(admin, user_id=patient.id)
    assert (entry["operation"], entry["code"]) == ("my_profile", "TM102")


def test_many_conflicts_are_in_the_access_log_and_one_is_not(
    admin: Client, patient: Client, doctor: Client, new_patient: People
) -> None:
    slot = doctor.publish()
    patient.book(slot)
    late = new_patient()
    body = {"slot_id": slot["id"]}
    for _ in range(5):
        problem(late.post("/v1/consultations", body, key=new_key()), 409, "TM901")
    assert entries(admin, user_id=late.id) == []
    began = time.monotonic()
    # Each worker process has its own count.
    for _ in range(75):
        problem(late.post("/v1/consultations", body, key=new_key()), 409, "TM901")
    found = entries(admin, user_id=late.id)
    assert {(entry["operation"], entry["code"]) for entry in found} == {
        ("book_consultation", "TM901")
    }
    assert len(found) <= 2 * minutes_since(began)


def test_changes_by_others_and_reads_of_accounts_are_in_the_access_log(
    admin: Client, patient: Client, doctor: Client
) -> None:
    booked, moved = (patient.book(doctor.publish(at(day)))["id"] for day in (1, 2))
    ok(patient.post(f"/v1/consultations/{booked}/cancel", {}))
    ok(doctor.post(f"/v1/consultations/{moved}/cancel", {}))
    (by_doctor,) = entries(admin, user_id=doctor.id, kind="read")
    assert (by_doctor["operation"], by_doctor["resource_ids"]) == ("cancel_consultation", [moved])
    ok(admin.get("/v1/admin/audit-logs", table_name="profiles", row_id=patient.id))
    ok(admin.post(f"/v1/admin/users/{patient.id}/activate"))
    about = entries(admin, resource_id=patient.id, kind="read")
    assert [entry["operation"] for entry in about] == ["activate_user", "list_audit_logs"]
