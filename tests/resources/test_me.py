"""The account of the caller: profile, access log, notifications, export and its end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.client import PASSWORD, Client, at, ok, places, problem


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


def test_profile_update_with_null_clears_a_field_and_leaves_absent_ones(patient: Client) -> None:
    given = {
        "phone": "030 901820",
        "date_of_birth": "1980-02-29",
        "language": "es",
        "time_zone": "Europe/Madrid",
    }
    ok(patient.patch("/v1/me", given))
    for name in given:
        changed = ok(patient.patch("/v1/me", {name: None}))
        given[name] = None
        assert {field: changed[field] for field in given} == given
    assert ok(patient.get("/v1/me")) == changed


def test_profile_update_with_a_null_name_is_refused(patient: Client) -> None:
    before = ok(patient.get("/v1/me"))
    answer = patient.patch("/v1/me", {"full_name": None, "phone": None})
    assert places(answer) == ["#/full_name"]
    assert "null" in answer.json()["errors"][0]["detail"]
    assert ok(patient.get("/v1/me")) == before


def test_notification_update_with_null_is_refused(patient: Client) -> None:
    body = {"kind": "reminder", "by_email": None, "by_sms": None}
    assert places(patient.patch("/v1/me/notifications", body)) == ["#/by_email", "#/by_sms"]
    assert places(patient.patch("/v1/me/notifications", {"kind": None})) == ["#/kind"]


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
        ({"phone": ""}, "#/phone"),
        ({"language": ""}, "#/language"),
        ({"time_zone": ""}, "#/time_zone"),
        ({"date_of_birth": ""}, "#/date_of_birth"),
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


def test_profile_has_a_language_and_a_time_zone(patient: Client) -> None:
    body = {"language": "pt-BR", "time_zone": "America/Sao_Paulo"}
    profile = ok(patient.patch("/v1/me", body))
    assert {name: profile[name] for name in body} == body
    assert ok(patient.patch("/v1/me", {"full_name": "Other"}))["language"] == "pt-BR"
    cleared = ok(patient.patch("/v1/me", {"language": None, "time_zone": None}))
    assert (cleared["language"], cleared["time_zone"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ({"language": "English"}, "TM201", "#/language"),
        ({"language": "pt_BR"}, "TM201", "#/language"),
        ({"language": "en\n"}, "TM201", "#/language"),
        ({"time_zone": "Berlin"}, "TM204", "#/time_zone"),
        ({"time_zone": "CET"}, "TM204", "#/time_zone"),
        ({"time_zone": "x" * 201}, "TM201", "#/time_zone"),
    ],
)
def test_profile_update_with_an_unknown_language_or_time_zone_is_refused(
    patient: Client, body: dict[str, object], code: str, place: str
) -> None:
    answer = patient.patch("/v1/me", body)
    problem(answer, 422, code)
    assert places(answer) == [place]


def test_access_log_shows_who_read_what(
    patient: Client, doctor: Client, admin: Client, new_patient: Callable[..., Client]
) -> None:
    booked = patient.book(doctor.publish())
    other = new_patient()
    other.book(doctor.publish(at(2)))
    read = doctor.get("/v1/consultations")
    assert len(ok(read)["items"]) >= 2
    ok(admin.get(f"/v1/consultations/{booked['id']}/payments"))
    ok(patient.get(f"/v1/consultations/{booked['id']}"))
    by_admin, by_doctor = ok(patient.get("/v1/me/access-log"))["items"]
    assert by_doctor["reader_role"] == "doctor"
    assert by_doctor["reader_name"] == ok(doctor.get("/v1/me"))["full_name"]
    assert by_doctor["operation"] == "list_consultations"
    assert by_doctor["resource_ids"] == [booked["id"]]
    assert by_doctor["request_id"] == read.headers["X-Request-Id"]
    assert by_admin["reader_role"] == "admin"
    assert by_admin["operation"] == "list_payments"
    assert not {"email", "reader_email"} & set(by_admin)
    (newest, *_) = ok(patient.get("/v1/me/access-log"))["items"]
    assert (newest["operation"], newest["reader_role"]) == ("my_access_log", "patient")
    assert newest["resource_ids"] == [patient.id]
    (of_other,) = ok(other.get("/v1/me/access-log"))["items"]
    assert booked["id"] not in of_other["resource_ids"]


def test_notification_preferences_change_one_kind_at_a_time(patient: Client) -> None:
    before = ok(patient.get("/v1/me/notifications"))["items"]
    assert {(row["by_email"], row["by_sms"]) for row in before} == {(True, False)}
    changed = ok(patient.patch("/v1/me/notifications", {"kind": "reminder", "by_sms": True}))
    assert changed == {"kind": "reminder", "by_email": True, "by_sms": True}
    after = ok(patient.get("/v1/me/notifications"))["items"]
    assert [row for row in after if row not in before] == [changed]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"by_email": True}, "#/kind"),
        ({"kind": "advertising", "by_email": True}, "#/kind"),
        ({"kind": "reminder", "by_email": None}, "#/by_email"),
        ({"kind": "reminder", "by_sms": "yes"}, "#/by_sms"),
    ],
)
def test_notification_preference_with_an_invalid_field_is_refused(
    patient: Client, body: dict[str, object], place: str
) -> None:
    assert places(patient.patch("/v1/me/notifications", body)) == [place]


def test_export_has_the_data_of_the_caller_and_no_secret(
    patient: Client, doctor: Client, new_patient: Callable[..., Client]
) -> None:
    booked = patient.book(doctor.publish(), reason="My knee")
    other = new_patient()
    other.book(doctor.publish(at(2)))
    export = ok(patient.get("/v1/me/export"))["tables"]
    (consultation,) = export["consultations"]
    assert (consultation["id"], consultation["reason"]) == (booked["id"], "My knee")
    (account,) = export["users"]
    assert account["email"] == patient.email
    text = json.dumps(export)
    assert "$2b$" not in text
    assert other.id not in text
    assert other.email not in text
    assert ok(doctor.get("/v1/me/export"))["tables"]["consultations"] == []


def test_account_is_closed_with_the_password(
    patient: Client, doctor: Client, stranger: Client
) -> None:
    booked = patient.book(doctor.publish())
    for body, place in (({}, "#/password"), ({"password": "wrong"}, "#/password")):
        answer = patient.send("DELETE", "/v1/me", json=body)
        assert (answer.status_code, places(answer)) == (422, [place])
    answer = patient.send("DELETE", "/v1/me", json={"password": PASSWORD})
    assert (answer.status_code, answer.content) == (204, b""), answer.text
    problem(patient.get("/v1/me"), 401, "TM102")
    body = {"email": patient.email, "password": PASSWORD}
    problem(stranger.post("/v1/auth/login", body), 401, "TM103")
    cancelled = ok(doctor.get(f"/v1/consultations/{booked['id']}"))
    assert cancelled["status"] == "cancelled"
    assert cancelled["cancellation_reason"] == "The patient has closed the account"
