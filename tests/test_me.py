"""One's own profile."""

from __future__ import annotations

import pytest

from tests.client import Client, ok, places


def test_a_profile_is_read(patient: Client) -> None:
    profile = ok(patient.get("/v1/me"))
    assert profile["email"] == patient.email
    assert profile["role"] == "patient"
    assert (profile["phone"], profile["date_of_birth"]) == (None, None)


def test_a_profile_is_changed_in_part(patient: Client) -> None:
    ok(patient.patch("/v1/me", {"phone": "+49 30 901820", "date_of_birth": "1980-02-29"}))
    profile = ok(patient.patch("/v1/me", {"full_name": "Zoë O'Neill-Müller 🙂"}))
    assert profile["full_name"] == "Zoë O'Neill-Müller 🙂"
    assert profile["phone"] == "+49 30 901820"
    assert profile["date_of_birth"] == "1980-02-29"
    assert ok(patient.get("/v1/me")) == profile


def test_null_changes_nothing_and_an_empty_phone_removes_the_number(patient: Client) -> None:
    ok(patient.patch("/v1/me", {"phone": "030 901820"}))
    assert ok(patient.patch("/v1/me", {"phone": None}))["phone"] == "030 901820"
    assert ok(patient.patch("/v1/me", {"phone": ""}))["phone"] is None


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"role": "admin"}, "#/role"),
        ({"email": "other@clinic.test"}, "#/email"),
        ({"full_name": ""}, "#/full_name"),
        ({"full_name": "   "}, "#/full_name"),
        ({"full_name": "two\nlines"}, "#/full_name"),
        ({"full_name": "x" * 201}, "#/full_name"),
        ({"full_name": 7}, "#/full_name"),
        ({"phone": "call me"}, "#/phone"),
        ({"phone": "0" * 40}, "#/phone"),
        ({"phone": "030 901820\n"}, "#/phone"),
        ({"date_of_birth": "1980-02-30"}, "#/date_of_birth"),
        ({"date_of_birth": "19800228"}, "#/date_of_birth"),
        ({"date_of_birth": "3000-01-01"}, "#/date_of_birth"),
    ],
)
def test_what_a_profile_cannot_hold_is_refused(
    patient: Client, body: dict[str, object], place: str
) -> None:
    answer = patient.patch("/v1/me", body)
    assert set(places(answer)) == {place}
