"""The profile of the caller."""

from __future__ import annotations

import pytest

from tests.support.client import Client, ok, places


def test_profile_is_read(patient: Client) -> None:
    profile = ok(patient.get("/v1/me"))
    assert profile["email"] == patient.email
    assert profile["role"] == "patient"
    assert (profile["phone"], profile["date_of_birth"]) == (None, None)


def test_profile_update_changes_only_the_given_fields(patient: Client) -> None:
    ok(patient.patch("/v1/me", {"phone": "+49 30 901820", "date_of_birth": "1980-02-29"}))
    profile = ok(patient.patch("/v1/me", {"full_name": "Zoë O'Neill-Müller 🙂"}))
    assert profile["full_name"] == "Zoë O'Neill-Müller 🙂"
    assert profile["phone"] == "+49 30 901820"
    assert profile["date_of_birth"] == "1980-02-29"
    assert ok(patient.get("/v1/me")) == profile


def test_profile_update_with_null_changes_nothing_and_an_empty_phone_removes_it(
    patient: Client,
) -> None:
    ok(patient.patch("/v1/me", {"phone": "030 901820"}))
    assert ok(patient.patch("/v1/me", {"phone": None}))["phone"] == "030 901820"
    assert ok(patient.patch("/v1/me", {"phone": ""}))["phone"] is None


@pytest.mark.parametrize(
    "name",
    [
        *("X", "O'Brien-Ní Dhónaill", "محمد علي", "שרה", "李", "Ñandú 3rd", "d’Arc", "Łukasz"),
        *("🦊 Fox", "नेहा", "A\u200dB", "می\u200cخواهم", "山田\u3000太郎", "辻\U000e0100"),
    ],
)
def test_profile_keeps_a_name_of_any_script_unchanged(patient: Client, name: str) -> None:
    assert ok(patient.patch("/v1/me", {"full_name": name}))["full_name"] == name
    assert ok(patient.get("/v1/me"))["full_name"] == name


@pytest.mark.parametrize(
    "name",
    [
        *("\u200b", "\u200d\u200c", "\u2060", "\ufeff", "\u3164", "\u2800", "\u00ad", "\u0301"),
        *("Dr.\u202eevE", "A\u2066B", "A\u2028B", "A\u0085B", "A\tB", "A\nB", "A\u200f"),
        *("\u115f", "\u1160", "\uffa0", "\ufe0f", "A\U000e0042", " ", "\u00a0\u2003", "\u3000"),
    ],
)
def test_profile_name_with_invisible_or_direction_changing_characters_is_refused(
    patient: Client, name: str
) -> None:
    before = ok(patient.get("/v1/me"))
    answer = patient.patch("/v1/me", {"full_name": name})
    assert places(answer) == ["#/full_name"]
    assert "visible character" in answer.json()["errors"][0]["detail"]
    assert ok(patient.get("/v1/me")) == before


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
def test_profile_update_with_an_invalid_field_is_refused(
    patient: Client, body: dict[str, object], place: str
) -> None:
    answer = patient.patch("/v1/me", body)
    assert set(places(answer)) == {place}
