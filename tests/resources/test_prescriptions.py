"""Prescriptions of completed consultations."""

from __future__ import annotations

import pytest

from tests.support.client import Client, at, ok, places, problem

ASPIRIN = {"drug": "Aspirin", "dosage": "100 mg"}


def path(consultation: dict[str, object]) -> str:
    return f"/v1/consultations/{consultation['id']}/prescriptions"


def test_prescription_is_issued_after_completion(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    body = {
        "items": [
            ASPIRIN | {"instructions": "after meals\ntwice a day", "duration_days": 7},
            {"drug": "Zinksalbe 10 %", "dosage": "thinly"},
        ],
        "notes": "Come back in a week.",
    }
    problem(doctor.post(path(booked), body), 409, "TM907")
    doctor.complete(booked)
    issued = ok(doctor.post(path(booked), body), 201)
    assert issued["items"][0] == body["items"][0]
    assert issued["items"][1]["duration_days"] is None
    assert (issued["patient_id"], issued["doctor_id"]) == (patient.id, doctor.id)
    for reader in (doctor, patient, admin):
        page = ok(reader.get(path(booked)))
        assert page == {"items": [issued], "next_cursor": None}


def test_prescription_for_a_cancelled_consultation_is_refused(
    doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish())
    ok(patient.post(f"/v1/consultations/{booked['id']}/cancel"))
    problem(doctor.post(path(booked), {"items": [ASPIRIN]}), 409, "TM907")


def test_prescriptions_are_listed_in_pages(doctor: Client, patient: Client) -> None:
    done = doctor.complete(patient.book(doctor.publish(at(2))))
    issued = [ok(doctor.post(path(done), {"items": [ASPIRIN]}), 201)["id"] for _ in range(3)]
    first, rest = patient.pages(path(done), limit=2)
    assert [row["id"] for row in first + rest] == issued


def test_longest_prescription_is_accepted(doctor: Client, patient: Client) -> None:
    done = doctor.complete(patient.book(doctor.publish()))
    item = {"drug": "d" * 200, "dosage": "o" * 200, "instructions": "i" * 800}
    issued = ok(doctor.post(path(done), {"items": [item] * 50}), 201)
    assert len(issued["items"]) == 50


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"items": []}, "#/items"),
        ({"items": [ASPIRIN] * 51}, "#/items"),
        ({"items": ASPIRIN}, "#/items"),
        ({}, "#/items"),
        ({"items": ["Aspirin"]}, "#/items/0"),
        ({"items": [ASPIRIN, {"drug": "x"}]}, "#/items/1/dosage"),
        ({"items": [ASPIRIN | {"price": 1}]}, "#/items/0/price"),
        ({"items": [ASPIRIN | {"drug": ""}]}, "#/items/0/drug"),
        ({"items": [ASPIRIN | {"drug": "x" * 201}]}, "#/items/0/drug"),
        ({"items": [ASPIRIN | {"drug": "a\x00"}]}, "#/items/0/drug"),
        ({"items": [ASPIRIN | {"instructions": "\ud800"}]}, "#/items/0/instructions"),
        ({"items": [ASPIRIN | {"duration_days": 0}]}, "#/items/0/duration_days"),
        ({"items": [ASPIRIN | {"duration_days": 3651}]}, "#/items/0/duration_days"),
        ({"items": [ASPIRIN | {"duration_days": 1.5}]}, "#/items/0/duration_days"),
        ({"items": [ASPIRIN], "notes": ""}, "#/notes"),
        ({"items": [ASPIRIN], "patient_id": "x"}, "#/patient_id"),
    ],
)
def test_prescription_with_an_invalid_field_is_refused(
    doctor: Client, body: dict[str, object], place: str
) -> None:
    nowhere = {"id": "00000000-0000-4000-8000-000000000000"}
    assert set(places(doctor.post(path(nowhere), body))) == {place}
