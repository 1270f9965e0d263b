"""The audit log, and the invariants."""

from __future__ import annotations

import pytest

from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, at, new_key, ok, places


def test_audit_log_is_found_by_request_id(doctor: Client, patient: Client, admin: Client) -> None:
    request_id = f"app-{new_key()}"
    headers = {"X-Request-Id": request_id, "Idempotency-Key": new_key()}
    body = {"slot_id": doctor.publish()["id"], "reason": "Itching"}
    booked = ok(patient.send("POST", "/v1/consultations", json=body, headers=headers), 201)
    rows = ok(admin.get("/v1/admin/audit-logs", request_id=request_id))["items"]
    assert {row["table_name"] for row in rows} >= {"consultations", "availability_slots"}
    (row,) = (row for row in rows if row["table_name"] == "consultations")
    assert (row["operation"], row["row_id"], row["old"]) == ("INSERT", booked["id"], None)
    assert row["new"]["reason"] == "Itching"
    assert (row["user_id"], row["role"]) == (patient.id, "patient")
    assert row["database_login"] == "telemed_api"


def test_audit_log_is_filtered_and_paged(doctor: Client, patient: Client, admin: Client) -> None:
    booked = patient.book(doctor.publish())
    doctor.complete(booked)
    query = {"table_name": "consultations", "row_id": booked["id"]}
    (update,), (insert,) = admin.pages("/v1/admin/audit-logs", **query, limit=1)
    assert (update["operation"], insert["operation"]) == ("UPDATE", "INSERT")
    assert (update["old"]["status"], update["new"]["status"]) == ("scheduled", "completed")
    assert update["user_id"] == doctor.id
    by_operation = ok(admin.get("/v1/admin/audit-logs", **query, operation="INSERT"))["items"]
    assert by_operation == [insert]
    by_user = ok(admin.get("/v1/admin/audit-logs", **query, user_id=doctor.id))["items"]
    assert by_user == [update]
    after = ok(admin.get("/v1/admin/audit-logs", **query, from_=at(1).isoformat()))
    assert after["items"] == []
    before = ok(admin.get("/v1/admin/audit-logs", **query, to=at(-1).isoformat()))
    assert before["items"] == []


@pytest.mark.parametrize("table", ["consultations", "prescriptions", "prescription_items"])
def test_audit_log_read_about_a_patient_is_in_the_access_log(
    doctor: Client, patient: Client, admin: Client, table: str
) -> None:
    booked = doctor.complete(patient.book(doctor.publish()))["id"]
    body = {"items": [{"drug": "Ibuprofen", "dosage": "400 mg"}]}
    answer = doctor.post(f"/v1/consultations/{booked}/prescriptions", body)
    row_id = booked if table == "consultations" else ok(answer, 201)["id"]
    found = ok(admin.get("/v1/admin/audit-logs", table_name=table, row_id=row_id))["items"]
    assert found
    reads = ok(admin.get("/v1/admin/access-logs", resource_id=booked, user_id=admin.id))["items"]
    (entry,) = reads
    assert (entry["kind"], entry["operation"]) == ("read", "list_audit_logs")
    assert entry["resource_ids"] == [booked]


def test_audit_log_contains_no_secret(patient: Client, admin: Client) -> None:
    rows = ok(admin.get("/v1/admin/audit-logs", row_id=patient.id))
    text = str(rows)
    assert patient.email in text
    for secret in ("$2b$", PASSWORD, patient.tokens["refresh_token"]):
        assert secret not in text


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"operation": "TRUNCATE"}, "operation"),
        ({"user_id": "me"}, "user_id"),
        ({"cursor": "-1"}, "cursor"),
        ({"cursor": "00000000-0000-4000-8000-000000000000"}, "cursor"),
        ({"from_": "now"}, "from"),
        ({"from_": "2027-01-02T00:00:00Z", "to": "2027-01-01T00:00:00Z"}, "to"),
        ({"table": "users"}, "table"),
    ],
)
def test_query_with_an_invalid_value_is_refused(
    admin: Client, query: dict[str, object], place: str
) -> None:
    assert places(admin.get("/v1/admin/audit-logs", **query)) == [place]


def test_invariants_are_checked_for_all_rows_or_for_new_rows(admin: Client) -> None:
    all_rows = ok(admin.get("/v1/admin/invariants", since=at(-9999).isoformat()))["items"]
    new = ok(admin.get("/v1/admin/invariants"))["items"]
    assert [row["name"] for row in new] == [row["name"] for row in all_rows]
    assert len(new) > 20
    assert not any(row["violations"] or row["examples"] for row in new + all_rows)
    assert places(admin.get("/v1/admin/invariants", since="yesterday")) == ["since"]


def test_seals_and_the_end_of_the_audit_log_are_checked(
    admin: Client, cluster: Cluster, database: str
) -> None:
    cluster.sql("select ops.seal_audit(10000000, '1 minute')", database)
    newest, *_ = ok(admin.get("/v1/admin/audit-seals", limit=1))["items"]
    assert newest["is_intact"] is True
    check = ok(admin.get("/v1/admin/audit-check", rows=50000))
    assert (check["last_seal_id"], check["last_sealed_id"]) == (newest["id"], newest["last_id"])
    assert check["last_sealed_at"] == newest["sealed_at"]
    assert (check["problem_count"], check["problems"]) == (0, [])
    assert check["checked_rows"] >= newest["row_count"]
    change = "set local session_replication_role = replica; update app.audit_seals set row_count ="
    where = f"where id = {newest['id']}; commit"
    cluster.sql(f"begin; {change} row_count + 1 {where}", database)
    try:
        broken = ok(admin.get("/v1/admin/audit-check", rows=0))
        assert [(p["problem"], p["seal_id"]) for p in broken["problems"]] == [
            ("seal_changed", newest["id"])
        ]
        assert ok(admin.get("/v1/admin/audit-seals", limit=1))["items"][0]["is_intact"] is False
    finally:
        cluster.sql(f"begin; {change} row_count - 1 {where}", database)
    assert ok(admin.get("/v1/admin/audit-check"))["problems"] == []


@pytest.mark.parametrize("rows", ["-1", "50001", "all"])
def test_check_of_too_many_rows_is_refused(admin: Client, rows: str) -> None:
    assert places(admin.get("/v1/admin/audit-check", rows=rows)) == ["rows"]
