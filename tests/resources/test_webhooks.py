"""Webhooks over REST. tests/worker/test_webhooks.py has what they send."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.server import Cluster
from tests.support.client import Client, new_key, ok, places, problem, race

NOWHERE = "00000000-0000-4000-8000-000000000000"
URL = "https://hooks.clinic.test/in"
NEW = {"url": URL, "event_types": ["consultation.booked"], "description": "Billing"}


def create(admin: Client, **more: object) -> dict[str, Any]:
    return ok(admin.post("/v1/webhooks", NEW | more), 201)


def path(webhook: dict[str, Any], end: str = "") -> str:
    return f"/v1/webhooks/{webhook['id']}{end}"


def event_of(admin: Client, consultation: dict[str, Any]) -> dict[str, Any]:
    """The first event of a consultation."""
    cursor: dict[str, str] = {}
    while True:
        page = ok(admin.get("/v1/events", type="consultation.booked", **cursor))
        for row in page["items"]:
            if row["consultation_id"] == consultation["id"]:
                return dict(row)
        assert page["items"], "the event has not come"
        cursor = {"after": page["next_cursor"]}


def test_secret_of_a_new_webhook_is_shown_once(admin: Client) -> None:
    answer = admin.post("/v1/webhooks", NEW)
    created = ok(answer, 201)
    assert created["secret"].startswith("whsec_")
    assert answer.headers["Location"] == path(created)
    read = ok(admin.get(path(created)))
    assert read == {name: value for name, value in created.items() if name != "secret"}
    assert (read["url"], read["event_types"]) == (URL, ["consultation.booked"])
    assert (read["is_enabled"], read["description"]) == (True, "Billing")
    assert read in [row for page in admin.pages("/v1/webhooks", limit=1) for row in page]
    logs = ok(admin.get("/v1/admin/audit-logs", table_name="webhook_endpoints"))["items"]
    assert created["secret"] not in str(logs)


def test_retry_under_the_same_key_gets_the_same_secret(
    admin: Client, cluster: Cluster, database: str
) -> None:
    key = new_key()
    first = ok(admin.post("/v1/webhooks", NEW, key=key), 201)
    again = admin.post("/v1/webhooks", NEW, key=key)
    assert (ok(again, 201), again.headers["Idempotency-Replayed"]) == (first, "true")
    assert ok(admin.post("/v1/webhooks", NEW, key=new_key()), 201)["secret"] != first["secret"]
    problem(admin.post("/v1/webhooks", NEW | {"description": None}, key=key), 422, "TM203")
    outcomes = "select string_agg(k::text, '') from app.idempotency_keys as k"
    assert first["secret"].removeprefix("whsec_") not in cluster.sql(outcomes, database)
    ok(rotate(admin, first))
    problem(admin.post("/v1/webhooks", NEW, key=key), 409, "TM942")


def test_database_has_the_secret_encrypted(admin: Client, cluster: Cluster, database: str) -> None:
    secret = create(admin)["secret"]
    dump = cluster.sql("select string_agg(w::text, '') from app.webhook_endpoints as w", database)
    stored = bytes.fromhex(dump.rpartition("\\x")[2].partition('"')[0])
    for plain in (secret, secret.removeprefix("whsec_")):
        assert plain not in dump
        assert plain.encode() not in stored


def test_events_of_slots_are_sent_to_those_who_name_them(
    admin: Client, doctor: Client, cluster: Cluster, database: str
) -> None:
    everything = create(admin, event_types=[])
    slots = create(admin, event_types=["slot.opened"])
    doctor.publish()
    cluster.sql(
        "select work.dispatch_event((args ->> 'event_id')::bigint), work.dispatch_slot_events("
        " (args ->> 'first_id')::bigint, (args ->> 'last_id')::bigint)"
        " from procrastinate.procrastinate_jobs where task_name like 'dispatch%'",
        database,
    )
    types = (
        "select string_agg(distinct event_type, ' ') from app.webhook_deliveries"
        " where endpoint_id = '{}'"
    )
    assert cluster.sql(types.format(slots["id"]), database).split() == ["slot.opened"]
    assert "slot." not in cluster.sql(types.format(everything["id"]), database)
    assert admin.delete(path(slots)).status_code == 204


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"url": "http://hooks.clinic.test"}, "#/url"),
        ({"url": "https://user:pass@hooks.clinic.test"}, "#/url"),
        ({"url": "https://localhost"}, "#/url"),
        ({"url": "https://hooks.clinic.test:0/in"}, "#/url"),
        ({"url": "https://hooks.clinic.test:65536"}, "#/url"),
        ({"url": None}, "#/url"),
        ({"event_types": ["slot.booked"]}, "#/event_types/0"),
        ({"event_types": "consultation.booked"}, "#/event_types"),
        ({"event_types": ["account.closed", "account.closed"]}, "#/event_types"),
        ({"description": ""}, "#/description"),
        ({"secret": "whsec_bXlzZWNyZXQ="}, "#/secret"),
    ],
)
def test_malformed_webhook_is_refused(admin: Client, change: dict[str, Any], place: str) -> None:
    assert places(admin.post("/v1/webhooks", NEW | change)) == [place]


def test_webhook_changes_only_in_the_version_that_was_read(admin: Client) -> None:
    webhook = create(admin)
    tag = admin.get(path(webhook)).headers["ETag"]
    changed = ok(admin.patch(path(webhook), {"description": None}, version=tag))
    assert (changed["description"], changed["url"]) == (None, URL)
    problem(admin.patch(path(webhook), {"event_types": []}, version=tag), 412, "TM501")
    problem(admin.send("PATCH", path(webhook), json={"event_types": []}), 428, "TM601")
    assert places(admin.patch(path(webhook), {"url": None})) == ["#/url"]
    assert ok(admin.patch(path(webhook), {"event_types": []}))["event_types"] == []


def test_disabled_webhook_is_enabled_again(admin: Client) -> None:
    webhook = create(admin)
    disabled = ok(admin.patch(path(webhook), {"is_enabled": False}))
    assert (disabled["is_enabled"], disabled["disabled_because"]) == (False, "by_admin")
    body = {"starts_at": "2027-01-01T00:00:00Z", "ends_at": "2027-01-02T00:00:00Z"}
    problem(admin.post(path(webhook, "/redeliver"), body), 409, "TM941")
    enabled = ok(admin.patch(path(webhook), {"is_enabled": True}))
    assert (enabled["is_enabled"], enabled["disabled_at"]) == (True, None)
    assert ok(admin.post(path(webhook, "/redeliver"), body), 202)["deliveries"] == 0


def rotate(admin: Client, webhook: dict[str, Any], version: str = "*", **body: object) -> Any:
    return admin.send("POST", path(webhook, "/secret"), json=body, headers={"If-Match": version})


def test_rotated_secret_is_new_and_the_one_before_ends(admin: Client) -> None:
    webhook = create(admin)
    rotated = ok(rotate(admin, webhook, previous_hours=1))
    assert rotated["secret"] != webhook["secret"]
    assert rotated["previous_ends_at"] > rotated["updated_at"]
    ended = ok(rotate(admin, webhook, previous_hours=0))
    assert ended["previous_ends_at"] is None
    assert ok(rotate(admin, webhook))["previous_ends_at"] is not None
    for hours in (-1, 169, "1"):
        assert places(rotate(admin, webhook, previous_hours=hours)) == ["#/previous_hours"]


def test_request_that_is_sent_twice_rotates_the_secret_once(admin: Client) -> None:
    webhook = create(admin)
    version = admin.get(path(webhook)).headers["ETag"]
    answers = race([lambda: rotate(admin, webhook, version)] * 2)
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    problem(admin.post(path(webhook, "/secret"), {}), 428, "TM601")


def test_ping_waits_for_the_worker(admin: Client) -> None:
    webhook = create(admin)
    ping = ok(admin.post(path(webhook, "/ping"), {}), 202)
    assert (ping["event_type"], ping["status"], ping["attempts"]) == ("webhook.ping", "pending", 0)
    assert ok(admin.get(path(webhook, "/attempts")))["items"] == []


def test_redelivery_is_of_one_event_or_of_a_range(
    admin: Client, doctor: Client, patient: Client
) -> None:
    webhook = create(admin, event_types=[])
    booked = patient.book(doctor.publish())
    event = event_of(admin, booked)
    body: dict[str, Any] = {"event_id": event["id"]}
    answer = ok(admin.post(path(webhook, "/redeliver"), body), 202)
    assert (answer["event_id"], answer["deliveries"]) == (event["id"], 1)
    whole = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z"}
    answer = ok(admin.post(path(webhook, "/redeliver"), whole), 202)
    assert (answer["event_id"], answer["deliveries"]) == (None, 0)
    assert {"starts_at": answer["starts_at"], "ends_at": answer["ends_at"]} == whole
    problem(admin.post(path(webhook, "/redeliver"), {"event_id": 2**62}), 404, "TM416")
    for body, place in (
        ({}, "#/event_id"),
        (whole | {"event_id": 1}, "#/event_id"),
        ({"starts_at": whole["starts_at"]}, "#/ends_at"),
        ({"starts_at": whole["ends_at"], "ends_at": whole["starts_at"]}, "#/ends_at"),
        ({"event_id": 0}, "#/event_id"),
    ):
        assert places(admin.post(path(webhook, "/redeliver"), body)) == [place]


def test_deleted_webhook_is_gone(admin: Client) -> None:
    webhook = create(admin)
    assert admin.delete(path(webhook)).status_code == 204
    problem(admin.get(path(webhook)), 404, "TM415")
    problem(admin.delete(path(webhook)), 404, "TM415")
    problem(admin.patch(path(webhook), {"is_enabled": True}), 404, "TM415")
    problem(admin.post(path(webhook, "/ping"), {}), 404, "TM415")
    problem(rotate(admin, webhook), 404, "TM415")
    problem(admin.get(path(webhook, "/attempts")), 404, "TM415")


def test_only_admins_manage_webhooks(admin: Client, doctor: Client, patient: Client) -> None:
    webhook = create(admin)
    for person in (doctor, patient):
        problem(person.get("/v1/webhooks"), 403, "TM301")
        problem(person.post("/v1/webhooks", NEW), 403, "TM301")
        problem(person.get(path(webhook)), 403, "TM301")
        problem(person.post(path(webhook, "/ping"), {}), 403, "TM301")
