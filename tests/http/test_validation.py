"""One answer names everything that is wrong with a request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import Client, new_key, ok, places, problem

NOWHERE = "00000000-0000-4000-8000-000000000000"


def test_all_wrong_fields_of_a_body_are_named(admin: Client) -> None:
    body = {
        "email": "no address",
        "password": "x",
        "full_name": "",
        "fee_minor": -1,
        "currency": "euro",
        "photo_url": "http://clinic.test/x",
        "unknown": 1,
    }
    wrong = {*body, "specialty", "time_zone"}  # two are missing
    assert places(admin.post("/v1/admin/doctors", body)) == sorted(f"#/{name}" for name in wrong)


def test_all_wrong_fields_of_nested_items_are_named(doctor: Client) -> None:
    items = [
        {"drug": "", "dosage": 1},
        {"drug": "Paracetamol", "duration_days": 0, "colour": "red"},
    ]
    answer = doctor.post(
        f"/v1/consultations/{NOWHERE}/prescriptions", {"items": items, "notes": ""}
    )
    assert places(answer) == [
        *("#/items/0/dosage", "#/items/0/drug"),
        *("#/items/1/colour", "#/items/1/dosage", "#/items/1/duration_days"),
        "#/notes",
    ]


def test_all_wrong_parameters_of_a_query_are_named(patient: Client) -> None:
    answer = patient.get(
        "/v1/slots", limit=0, between="late", weekdays="8", language="Spanish", when="soon"
    )
    assert places(answer) == ["between", "language", "limit", "weekdays", "when"]


def test_body_query_and_key_are_named_together(patient: Client) -> None:
    path = "/v1/consultations?when=soon&where=here"
    answer = patient.send("POST", path, json={"slot_id": "soon", "reason": ""})
    assert places(answer) == ["#/reason", "#/slot_id", "Idempotency-Key", "when", "where"]
    problem(answer, 422, "TM201")


def test_malformed_optional_key_is_named_with_the_body(doctor: Client) -> None:
    headers = {"Idempotency-Key": "x" * 256}
    answer = doctor.send("POST", "/v1/slots", json={"starts_at": "soon"}, headers=headers)
    assert places(answer) == ["#/ends_at", "#/starts_at", "Idempotency-Key"]
    assert places(doctor.post("/v1/slots", {"starts_at": "soon"})) == ["#/ends_at", "#/starts_at"]


def test_name_that_is_given_twice_is_named_with_the_query(patient: Client) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": new_key()}
    answer = patient.send(
        "POST", "/v1/consultations?when=soon", data=b'{"reason": 1, "reason": 2}', headers=headers
    )
    assert places(answer) == ["#/reason", "when"]


def test_valid_body_with_a_wrong_query_changes_nothing(doctor: Client, patient: Client) -> None:
    slot = doctor.publish()
    body = {"slot_id": slot["id"]}
    key = new_key()
    headers = {"Idempotency-Key": key}
    answer = patient.send("POST", "/v1/consultations?when=soon", json=body, headers=headers)
    assert places(answer) == ["when"]
    booked = ok(patient.post("/v1/consultations", body, key=key), 201)
    assert booked["slot_id"] == slot["id"]


def test_all_wrong_weekly_hours_that_only_the_database_knows_are_named(doctor: Client) -> None:
    body = {
        "from": "2027-03-02",
        "to": "2027-03-01",
        "weekdays": [1],
        "start_time": "09:00",
        "end_time": "09:00",
        "slot_minutes": 30,
        "time_zone": "CET",
    }
    answer = doctor.post("/v1/slots/recurring", body)
    assert places(answer) == ["#/end_time", "#/time_zone", "#/to"]
    problem(answer, 422, "TM202")


@pytest.fixture
def practice() -> dict[str, Any]:
    """A new doctor, all of whose fields have the right form."""
    return {
        "email": "new.doctor@clinic.test",
        "password": "correct horse battery staple",
        "full_name": "Nora New",
        "specialty": "Dermatology",
        "time_zone": "Europe/Berlin",
        "fee_minor": 5000,
        "currency": "EUR",
    }


def test_all_wrong_values_of_a_doctor_that_only_the_database_knows_are_named(
    admin: Client, practice: dict[str, Any]
) -> None:
    wrong = {
        "time_zone": "Europe/Atlantis",
        "currency": "XXZ",
        "languages": ["zz"],
        "practising_since": 9000,
    }
    answer = admin.post("/v1/admin/doctors", practice | wrong)
    assert places(answer) == sorted(f"#/{name}" for name in wrong)
    refusal = problem(answer, 422, "TM204")
    assert "IANA" in refusal["detail"]
    assert refusal["errors"][0] == {"pointer": "#/time_zone", "detail": refusal["detail"]}
    assert set(refusal) == {"type", "title", "status", "detail", "code", "request_id", "errors"}


def test_both_wrong_times_of_a_slot_are_named(doctor: Client) -> None:
    body = {"starts_at": "2001-01-01T10:00:00Z", "ends_at": "2001-01-01T09:00:00Z"}
    assert places(doctor.post("/v1/slots", body)) == ["#/ends_at", "#/starts_at"]


def test_all_wrong_values_of_a_payment_are_named(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    body = {"amount_minor": 5000, "currency": "JPY", "method": "card", "provider": "acme"}
    answer = admin.post(f"/v1/consultations/{booked['id']}/payments", body, key=new_key())
    assert places(answer) == ["#/currency", "#/provider_reference"]
    problem(answer, 422, "TM205")
