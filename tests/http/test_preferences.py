"""The header Prefer: answers to changes without a body."""

from __future__ import annotations

import pytest

from api.preferences import wants_minimal
from tests.support.client import Client, new_key, ok, problem

MINIMAL = {"Prefer": "return=minimal"}


def test_minimal_booking_has_its_location_and_tag(doctor: Client, patient: Client) -> None:
    body, key = {"slot_id": doctor.publish()["id"]}, {"Idempotency-Key": new_key()}
    for replayed in (False, True):
        answer = patient.send("POST", "/v1/consultations", json=body, headers=MINIMAL | key)
        assert (answer.status_code, answer.content) == (201, b"")
        assert answer.headers["Content-Length"] == "0"
        assert "Content-Type" not in answer.headers
        assert answer.headers["Preference-Applied"] == "return=minimal"
        assert ("Idempotency-Replayed" in answer.headers) == replayed
        found = patient.get(answer.headers["Location"])
        assert ok(found)["slot_id"] == body["slot_id"]
        assert found.headers["ETag"] == answer.headers["ETag"]


def test_minimal_change_has_the_new_tag(patient: Client) -> None:
    headers = MINIMAL | {"If-Match": "*"}
    answer = patient.send("PATCH", "/v1/me", json={"phone": "030 4711"}, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Preference-Applied"] == "return=minimal"
    found = patient.get("/v1/me")
    assert ok(found)["phone"] == "030 4711"
    assert found.headers["ETag"] == answer.headers["ETag"]


def test_refusal_has_its_body_in_spite_of_the_preference(doctor: Client, patient: Client) -> None:
    slot = doctor.publish()
    patient.book(slot)
    headers = MINIMAL | {"Idempotency-Key": new_key()}
    body = {"slot_id": slot["id"]}
    answer = patient.send("POST", "/v1/consultations", json=body, headers=headers)
    problem(answer, 409, "TM918")
    assert "Preference-Applied" not in answer.headers


def test_answer_that_cannot_be_read_again_is_never_minimal(
    patient: Client, doctor: Client, stranger: Client
) -> None:
    read = patient.send("GET", "/v1/me", headers=MINIMAL)
    assert ok(read)["id"] == patient.id
    body = {"email": patient.email, "password": "correct horse battery staple"}
    assert ok(stranger.send("POST", "/v1/auth/login", json=body, headers=MINIMAL))["access_token"]
    enrolled = patient.send("POST", "/v1/me/mfa", json={}, headers=MINIMAL)
    assert ok(enrolled, 201)["secret"]
    for answer in (read, enrolled):
        assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    ("prefer", "minimal"),
    [
        ("return=minimal", True),
        ("Return=minimal", True),
        ('return="minimal"', True),
        ("return = minimal", True),
        ("respond-async, return=minimal", True),
        ("return=minimal; foo=bar, wait=10", True),
        ('x="a, return=representation", return=minimal', True),
        ("return=representation, return=minimal", False),
        ("return=representation", False),
        ("return", False),
        ("minimal", False),
        ('x="return=minimal"', False),
        (",;=", False),
        ("", False),
    ],
)
def test_first_preference_of_the_body_counts(prefer: str, minimal: bool) -> None:
    assert wants_minimal(prefer) is minimal
