"""Onboarding doctors, and finding them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.client import PASSWORD, Client, new_key, ok, places, problem

NEW = {
    "email": "d@clinic.test",
    "password": PASSWORD,
    "full_name": "Dora Doctor",
    "specialty": "Cardiology",
    "time_zone": "Europe/Berlin",
    "fee_minor": 5000,
    "currency": "EUR",
}


def test_onboarding_with_a_key_is_replayed(admin: Client) -> None:
    body, key = NEW | {"email": "twice@clinic.test"}, new_key()
    first = admin.post("/v1/admin/doctors", body, key=key)
    again = admin.post("/v1/admin/doctors", body, key=key)
    assert ok(again, 201) == ok(first, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    problem(admin.post("/v1/admin/doctors", body | {"fee_minor": 1}, key=key), 422, "TM203")
    problem(admin.post("/v1/admin/doctors", body, key=new_key()), 409, "TM911")


def test_admin_onboards_a_doctor(admin: Client, patient: Client) -> None:
    body = NEW | {"email": "onboarded@clinic.test", "fee_minor": 0, "time_zone": "Asia/Kolkata"}
    doctor = ok(admin.post("/v1/admin/doctors", body), 201)
    assert (doctor["fee_minor"], doctor["time_zone"]) == (0, "Asia/Kolkata")
    assert ok(patient.get(f"/v1/doctors/{doctor['id']}")) == doctor
    problem(admin.post("/v1/admin/doctors", body), 409, "TM911")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"fee_minor": 50.0}, "#/fee_minor"),
        ({"fee_minor": "5000"}, "#/fee_minor"),
        ({"fee_minor": True}, "#/fee_minor"),
        ({"fee_minor": -1}, "#/fee_minor"),
        ({"fee_minor": 10**13}, "#/fee_minor"),
        ({"fee_minor": 10**30}, "#/fee_minor"),
        ({"currency": "eur"}, "#/currency"),
        ({"currency": "EURO"}, "#/currency"),
        ({"currency": "EUR\n"}, "#/currency"),
        ({"time_zone": "Mars/Olympus"}, "#/time_zone"),
        ({"time_zone": "+01:00"}, "#/time_zone"),
        ({"specialty": ""}, "#/specialty"),
        ({"role": "admin"}, "#/role"),
    ],
)
def test_onboarding_with_an_invalid_field_is_refused(
    admin: Client, change: dict[str, object], place: str
) -> None:
    assert set(places(admin.post("/v1/admin/doctors", NEW | change))) == {place}


def test_onboarding_with_an_unknown_currency_is_refused(admin: Client) -> None:
    problem(admin.post("/v1/admin/doctors", NEW | {"currency": "XXX"}), 422)


def test_doctors_are_found_by_specialty_and_part_of_the_name(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    expected_doctor = new_doctor(full_name="Ada 100%_Lovelace", specialty="Podiatry")
    new_doctor(full_name="Grace Hopper", specialty="Podiatry")
    found = ok(patient.get("/v1/doctors", specialty="podiatry", q="100%_love"))
    assert [row["id"] for row in found["items"]] == [expected_doctor.id]
    assert ok(patient.get("/v1/doctors", q="_%_"))["items"] == []


def test_doctors_are_listed_in_pages(patient: Client, new_doctor: Callable[..., Client]) -> None:
    expected = {new_doctor(specialty="Paging").id for _ in range(5)}
    pages = patient.pages("/v1/doctors", specialty="Paging", limit=2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {row["id"] for page in pages for row in page} == expected

    exactly = ok(patient.get("/v1/doctors", specialty="Paging", limit=5))
    assert exactly["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "1_0"}, "limit"),
        ({"limit": "+5"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "9" * 30}, "limit"),
        ({"limit": ["1", "2"]}, "limit"),
        ({"cursor": "garbage"}, "cursor"),
        ({"cursor": "1"}, "cursor"),
        ({"specialty": "\x00"}, "specialty"),
        ({"q": ""}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"sort": "name"}, "sort"),
    ],
)
def test_query_with_an_invalid_value_is_refused(
    patient: Client, query: dict[str, object], place: str
) -> None:
    assert set(places(patient.get("/v1/doctors", **query))) == {place}
