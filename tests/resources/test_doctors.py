"""Onboarding doctors, and finding them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.support.client import PASSWORD, Client, at, new_key, ok, places, problem

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


def test_doctor_has_the_given_languages_biography_first_year_and_photo(
    admin: Client, patient: Client
) -> None:
    more = {
        "languages": ["cs", "en"],
        "biography": "Born in Prague.\nLikes trains.",
        "practising_since": 1998,
        "photo_url": "https://clinic.example/photos/kral.jpg?size=200",
    }
    body = NEW | {"email": "kral@clinic.test", "specialty": "General Practice"} | more
    doctor = ok(admin.post("/v1/admin/doctors", body), 201)
    assert {name: doctor[name] for name in more} == more
    assert (doctor["specialty"], doctor["specialty_code"]) == (
        "General Practice",
        "general_practice",
    )
    assert ok(patient.get(f"/v1/doctors/{doctor['id']}")) == doctor


def test_doctor_may_have_no_language_biography_first_year_and_photo(
    admin: Client,
) -> None:
    doctor = ok(admin.post("/v1/admin/doctors", NEW | {"email": "plain@clinic.test"}), 201)
    names = ("languages", "biography", "practising_since", "photo_url")
    assert [doctor[name] for name in names] == [[], None, None, None]


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
        ({"languages": ["es", "ES"]}, "#/languages/1"),
        ({"languages": ["xx"]}, "#/languages"),
        ({"languages": ["es", "es"]}, "#/languages"),
        ({"languages": ["es"] * 21}, "#/languages"),
        ({"languages": "es"}, "#/languages"),
        ({"languages": None}, "#/languages"),
        ({"biography": ""}, "#/biography"),
        ({"practising_since": 1899}, "#/practising_since"),
        ({"practising_since": 9999}, "#/practising_since"),
        ({"practising_since": "1998"}, "#/practising_since"),
        ({"photo_url": "http://clinic.example/1.jpg"}, "#/photo_url"),
        ({"photo_url": "https://me:secret@clinic.example/1.jpg"}, "#/photo_url"),
        ({"photo_url": "https://clinic.example/a b.jpg"}, "#/photo_url"),
        ({"photo_url": "https://clinic.example/" + "x" * 500}, "#/photo_url"),
        ({"role": "admin"}, "#/role"),
    ],
)
def test_onboarding_with_an_invalid_field_is_refused(
    admin: Client, change: dict[str, object], place: str
) -> None:
    assert set(places(admin.post("/v1/admin/doctors", NEW | change))) == {place}


def test_onboarding_with_an_unknown_currency_is_refused(admin: Client) -> None:
    answer = admin.post("/v1/admin/doctors", NEW | {"currency": "XXX"})
    problem(answer, 422, "TM201")
    assert places(answer) == ["#/currency"]


def test_doctors_are_found_by_specialty_and_part_of_the_name(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    expected_doctor = new_doctor(full_name="Ada 100%_Lovelace", specialty="Podiatry")
    new_doctor(full_name="Grace Hopper", specialty="Podiatry")
    found = ok(patient.get("/v1/doctors", specialty="podiatry", q="100%_love"))
    assert [row["id"] for row in found["items"]] == [expected_doctor.id]
    assert ok(patient.get("/v1/doctors", q="_%_"))["items"] == []


def test_doctor_is_found_without_accents_and_with_typing_errors(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    kral = new_doctor(full_name="Dr. Tomáš Král", specialty="Vexillology", languages=["cs", "sk"])
    for q in ("kral", "KRÁL", "kral tomas", "tomass kral", "krall vexilology", "slovak kral"):
        found = ok(patient.get("/v1/doctors", q=q))["items"]
        assert [row["id"] for row in found] == [kral.id], q
    assert ok(patient.get("/v1/doctors", q="kral dermatology"))["items"] == []


def test_doctors_are_found_by_language_and_highest_fee(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    query = {"specialty": "falconry_medicine"}
    doctor = {"specialty": "Falconry medicine"}
    cheap = new_doctor(**doctor, languages=["eo"], fee_minor=100)
    dear = new_doctor(**doctor, languages=["en", "eo"], fee_minor=200)
    other = new_doctor(**doctor, languages=["en"], fee_minor=100)

    def found(**more: object) -> list[str]:
        return [row["id"] for row in ok(patient.get("/v1/doctors", **query, **more))["items"]]

    assert found(language="eo") == [cheap.id, dear.id]
    assert found(language="en") == [dear.id, other.id]
    assert found(max_fee_minor=199) == [cheap.id, other.id]
    assert found(language="eo", max_fee_minor=100) == [cheap.id]


def test_doctors_are_sorted_by_their_next_free_time(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    specialty = "Sorting"
    late, never, soon = (new_doctor(specialty=specialty) for _ in range(3))
    late.publish(at(20))
    slot = soon.publish(at(10))
    soon.publish(at(30))

    def listed() -> list[tuple[str, datetime | None]]:
        pages = patient.pages("/v1/doctors", specialty=specialty, sort="next_free", limit=2)
        return [
            (row["id"], row["next_free_at"] and datetime.fromisoformat(row["next_free_at"]))
            for page in pages
            for row in page
        ]

    assert listed() == [(soon.id, at(10)), (late.id, at(20)), (never.id, None)]
    patient.book(slot)
    assert listed() == [(late.id, at(20)), (soon.id, at(30)), (never.id, None)]


def test_calendar_has_each_day_with_its_open_slots(patient: Client, doctor: Client) -> None:
    # 23:30 in UTC is the next day in Tokyo.
    slots = [doctor.publish(at(5, hour, minute)) for hour, minute in ((9, 0), (10, 0), (23, 30))]
    patient.book(slots[1])
    first, last = at(5).date(), at(6).date()
    path = f"/v1/doctors/{doctor.id}/calendar"

    def days(time_zone: str) -> list[tuple[str, int, str | None]]:
        query = {"from_": first.isoformat(), "to": last.isoformat(), "time_zone": time_zone}
        items = ok(patient.get(path, **query))["items"]
        return [(row["day"], row["open_slots"], row["first_starts_at"]) for row in items]

    one, late = slots[0]["starts_at"], slots[2]["starts_at"]
    assert days("UTC") == [(first.isoformat(), 2, one), (last.isoformat(), 0, None)]
    assert days("Asia/Tokyo") == [(first.isoformat(), 1, one), (last.isoformat(), 1, late)]


def test_calendar_has_31_days_by_default(patient: Client, doctor: Client) -> None:
    answer = ok(patient.get(f"/v1/doctors/{doctor.id}/calendar"))
    assert len(answer["items"]) == 31
    assert answer["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"from_": "2027-01-02", "to": "2027-01-01"}, "to"),
        ({"from_": "2027-01-01", "to": "2027-03-04"}, "to"),
        ({"from_": "2027-01-01T00:00:00Z"}, "from"),
        ({"from_": "2027-02-29"}, "from"),
        ({"from_": "9999-12-31", "to": "10000-01-01"}, "to"),
        ({"time_zone": "Nowhere"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"limit": 10}, "limit"),
    ],
)
def test_calendar_with_an_invalid_query_is_refused(
    patient: Client, doctor: Client, query: dict[str, object], place: str
) -> None:
    assert set(places(patient.get(f"/v1/doctors/{doctor.id}/calendar", **query))) == {place}


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
        ({"sort": "next_free "}, "sort"),
        ({"q": "x " * 11}, "q"),
        ({"language": "xx"}, "language"),
        ({"language": "ES"}, "language"),
        ({"max_fee_minor": -1}, "max_fee_minor"),
        ({"max_fee_minor": 10**13}, "max_fee_minor"),
    ],
)
def test_query_with_an_invalid_value_is_refused(
    patient: Client, query: dict[str, object], place: str
) -> None:
    assert set(places(patient.get("/v1/doctors", **query))) == {place}


def test_search_has_the_next_free_time_and_the_doctor_has_not(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    doctor = new_doctor(specialty="Phrenology")
    read = ok(patient.get(f"/v1/doctors/{doctor.id}"))
    slots = [doctor.publish(at(1, hour)) for hour in (9, 10)]
    for slot in (*slots, None):
        (found,) = ok(patient.get("/v1/doctors", specialty="Phrenology"))["items"]
        assert found == read | {"next_free_at": slot and slot["starts_at"]}
        if slot:
            patient.book(slot)


def test_booking_between_read_and_change_of_a_doctor_is_no_conflict(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    doctor = new_doctor()
    path = f"/v1/doctors/{doctor.id}"
    tag = doctor.get(path).headers["ETag"]
    patient.book(doctor.publish())
    unchanged = patient.send("GET", path, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.headers["ETag"]) == (304, tag)
    changed = doctor.patch(path, {"biography": "Moved."}, version=tag)
    assert ok(changed)["biography"] == "Moved."
    assert doctor.get(path).headers["ETag"] == changed.headers["ETag"] != tag
    problem(doctor.patch(path, {"biography": "Late."}, version=tag), 412, "TM501")


def test_doctor_changes_what_they_offer(patient: Client, new_doctor: Callable[..., Client]) -> None:
    doctor = new_doctor(languages=["en"], biography="Young.")
    path = f"/v1/doctors/{doctor.id}"
    before = ok(doctor.get(path))
    change = {
        "fee_minor": 7500,
        "languages": ["cs", "en"],
        "photo_url": "https://clinic.example/1.jpg",
    }
    changed = ok(doctor.patch(path, change))
    assert changed == before | change
    assert ok(patient.get(path)) == changed
    assert ok(doctor.patch(path, {"biography": None, "photo_url": None})) == changed | {
        "biography": None,
        "photo_url": None,
    }
    booked = patient.book(doctor.publish())
    assert (booked["fee_minor"], booked["currency"]) == (7500, "EUR")


def test_admin_changes_every_field_of_a_doctor(
    admin: Client, patient: Client, new_doctor: Callable[..., Client]
) -> None:
    doctor = new_doctor(practising_since=1998)
    path = f"/v1/doctors/{doctor.id}"
    booked = patient.book(doctor.publish())
    change = {
        "specialty": "Sports Medicine",
        "time_zone": "Asia/Tokyo",
        "fee_minor": 9000,
        "currency": "JPY",
        "biography": "Moved to Tokyo.",
        "practising_since": None,
    }
    changed = ok(admin.patch(path, change))
    assert changed == ok(patient.get(path))
    assert {name: changed[name] for name in change} == change
    assert (changed["specialty_code"], changed["currency_exponent"]) == ("sports_medicine", 0)
    kept = ok(patient.get(f"/v1/consultations/{booked['id']}"))
    assert (kept["fee_minor"], kept["currency"], kept["currency_exponent"]) == (5000, "EUR", 2)


@pytest.mark.parametrize("field", ["specialty", "time_zone", "currency", "practising_since"])
def test_doctor_cannot_change_fields_of_admins(doctor: Client, field: str) -> None:
    values = {"specialty": "Surgery", "time_zone": "UTC", "currency": "USD"}
    path = f"/v1/doctors/{doctor.id}"
    before = ok(doctor.get(path))
    body = {field: values.get(field, 1999), "fee_minor": 1}
    refusal = problem(doctor.patch(path, body), 403, "TM301")
    assert [error["pointer"] for error in refusal["errors"]] == [f"#/{field}"]
    assert ok(doctor.get(path)) == before


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"specialty": None}, "#/specialty"),
        ({"time_zone": None}, "#/time_zone"),
        ({"time_zone": "Berlin"}, "#/time_zone"),
        ({"fee_minor": None}, "#/fee_minor"),
        ({"fee_minor": -1}, "#/fee_minor"),
        ({"currency": None}, "#/currency"),
        ({"currency": "USD"}, "#/fee_minor"),
        ({"currency": "XXX", "fee_minor": 1}, "#/currency"),
        ({"languages": None}, "#/languages"),
        ({"languages": ["xx"]}, "#/languages"),
        ({"languages": ["es", "es"]}, "#/languages"),
        ({"biography": ""}, "#/biography"),
        ({"practising_since": 9999}, "#/practising_since"),
        ({"photo_url": "http://clinic.example/1.jpg"}, "#/photo_url"),
        ({"full_name": "Other"}, "#/full_name"),
        ({"clear": ["biography"]}, "#/clear"),
    ],
)
def test_change_of_a_doctor_with_an_invalid_field_is_refused(
    admin: Client, doctor: Client, change: dict[str, object], place: str
) -> None:
    path = f"/v1/doctors/{doctor.id}"
    before = ok(doctor.get(path))
    assert places(admin.patch(path, change)) == [place]
    assert ok(doctor.get(path)) == before


@pytest.mark.parametrize(
    ("currency", "exponent"), [("EUR", 2), ("JPY", 0), ("JOD", 3), ("ISK", 0), ("TND", 3)]
)
def test_every_amount_has_the_decimals_of_its_currency(
    admin: Client,
    patient: Client,
    new_doctor: Callable[..., Client],
    currency: str,
    exponent: int,
) -> None:
    specialty = f"Numismatics {currency}"
    doctor = new_doctor(currency=currency, specialty=specialty)
    slot = doctor.publish()
    (offered,) = ok(patient.get("/v1/slots", specialty=specialty))["items"]
    (listed,) = ok(patient.get("/v1/doctors", specialty=specialty))["items"]
    booked = patient.book(slot)
    path = f"/v1/consultations/{booked['id']}"
    amount = {"amount_minor": 100, "currency": currency, "method": "card"}
    payment = ok(admin.post(f"{path}/payments", amount, key=new_key()), 201)
    refund = ok(
        admin.post(f"/v1/payments/{payment['id']}/refunds", {"amount_minor": 1}, key=new_key()),
        201,
    )
    money = [offered, listed, ok(doctor.get(f"/v1/doctors/{doctor.id}")), booked]
    money += [ok(patient.get(path)), *ok(patient.get("/v1/consultations"))["items"]]
    money += [payment, refund, *ok(patient.get(f"{path}/payments"))["items"]]
    figures = ok(admin.get("/v1/admin/analytics"))
    money += [row for row in figures["revenue"] if row["currency"] == currency]
    assert len(money) == 11
    assert {(row["currency"], row["currency_exponent"]) for row in money} == {(currency, exponent)}
