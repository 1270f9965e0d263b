"""Events, read in their order."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from api.resources.events import TYPES
from scripts.server import Cluster
from tests.support.client import Client, at, new_key, ok, places, problem
from tests.support.operations import sound


def end_of(admin: Client) -> str:
    """The cursor after the last event."""
    cursor = ""
    while True:
        query = {"after": cursor} if cursor else {}
        page = ok(admin.get("/v1/events", limit=200, **query))
        if page["next_cursor"] == cursor:
            return cursor
        cursor = page["next_cursor"]


def events_of(
    consultation: dict[str, Any], admin: Client, after: str, last: int, **query: object
) -> list[dict[str, Any]]:
    """The events of a consultation, up to the number `last`.

    They may have to wait for transactions of other tests.
    """
    found: list[dict[str, Any]] = []
    until = time.monotonic() + 30
    while not found or found[-1]["sequence_number"] < last:
        assert time.monotonic() < until, found
        page = ok(admin.get("/v1/events", after=after, **query))
        if page["next_cursor"] == after:
            time.sleep(0.05)
        after = page["next_cursor"]
        found += [e for e in page["items"] if e["consultation_id"] == consultation["id"]]
    return found


def test_events_of_a_consultation_are_read_in_order(
    doctor: Client, patient: Client, admin: Client
) -> None:
    slot, other = doctor.publish(), doctor.publish(at(2))
    after = end_of(admin)
    booked = patient.book(slot, reason="Itching")
    path = f"/v1/consultations/{booked['id']}"
    moved = ok(patient.post(f"{path}/reschedule", {"slot_id": other["id"]}, key=new_key()))
    answer = patient.post(f"{path}/cancel", {"reason": "Itching less"})
    ok(answer)
    events = events_of(booked, admin, after, last=3, limit=2)
    assert [(e["type"], e["sequence_number"], e["slot_id"]) for e in events] == [
        ("consultation.booked", 1, slot["id"]),
        ("consultation.rescheduled", 2, other["id"]),
        ("consultation.cancelled", 3, other["id"]),
    ]
    first, second, third = events
    assert [e["predecessor_id"] for e in events] == [None, first["id"], second["id"]]
    assert (second["data"]["former_slot_id"], second["data"]["status"]) == (
        slot["id"],
        "scheduled",
    )
    assert second["data"]["starts_at"] == moved["starts_at"]
    assert (third["doctor_id"], third["patient_id"]) == (doctor.id, patient.id)
    assert (third["actor_id"], third["actor_role"], third["cause"]) == (
        patient.id,
        "patient",
        "cancel_consultation",
    )
    assert third["request_id"] == answer.headers["X-Request-Id"]
    assert "Itching" not in str(events)


def test_events_are_filtered_by_type(doctor: Client, patient: Client, admin: Client) -> None:
    after = end_of(admin)
    booked = patient.book(doctor.publish())
    doctor.complete(booked)
    admin.pay(booked)
    types = "payment.recorded,consultation.completed"
    events = events_of(booked, admin, after, last=3, type=types)
    assert [e["type"] for e in events] == ["consultation.completed", "payment.recorded"]


def test_event_of_a_password_reset_names_the_request_and_no_code(
    patient: Client, admin: Client
) -> None:
    after = end_of(admin)
    answer = patient.post("/v1/auth/password-reset", {"email": patient.email})
    assert answer.status_code == 202
    page = sound(admin.get("/v1/events", after=after, type="account.password_reset_requested"))
    assert [list(e["data"]) for e in ok(page)["items"]] == [["password_reset_id"]]


def test_empty_page_has_a_cursor_and_no_link(admin: Client) -> None:
    after = end_of(admin)
    answer = admin.get("/v1/events", after=after, type="account.closed")
    assert ok(answer) == {"items": [], "next_cursor": after}
    assert "Link" not in answer.headers
    tag = answer.headers["ETag"]
    headers = {"If-None-Match": tag}
    query = {"after": after, "type": "account.closed"}
    again = admin.send("GET", "/v1/events", params=query, headers=headers)
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"type": "consultation.moved"}, "type"),
        ({"type": "slot.opened,"}, "type"),
        ({"type": ""}, "type"),
        ({"after": "-1"}, "after"),
        ({"after": "00000000-0000-4000-8000-000000000000"}, "after"),
        ({"cursor": "x"}, "cursor"),
        ({"limit": 201}, "limit"),
    ],
)
def test_query_with_an_invalid_value_is_refused(
    admin: Client, query: dict[str, object], place: str
) -> None:
    assert places(admin.get("/v1/events", **query)) == [place]


def test_events_are_for_admins(patient: Client, doctor: Client) -> None:
    for person in (patient, doctor):
        problem(person.get("/v1/events"), 403, "TM301")


def test_types_of_the_document_are_those_of_the_database(cluster: Cluster, database: str) -> None:
    query = (
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'event_type_is_known'"
    )
    assert sorted(re.findall(r"'([a-z_.]+)'", cluster.sql(query, database))) == [*TYPES]
