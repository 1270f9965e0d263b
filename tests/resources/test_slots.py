"""Publishing, withdrawing and finding slots."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.client import Client, at, ok, places, problem

WEEK = {
    "weekdays": [1, 2, 3, 4, 5, 6, 7],
    "start_time": "09:00",
    "end_time": "10:00",
    "slot_minutes": 30,
}


def next_year(month: int, day: int) -> str:
    return f"{at(0).year + 1}-{month:02}-{day:02}"


def test_published_slot_is_found_by_patients(doctor: Client, patient: Client) -> None:
    slot = doctor.publish(at(3))
    assert (slot["doctor_id"], slot["status"]) == (doctor.id, "open")
    assert datetime.fromisoformat(slot["starts_at"]) == at(3)
    assert ok(patient.get(f"/v1/doctors/{doctor.id}/slots"))["items"] == [slot]


def test_slot_start_with_an_offset_is_converted_to_utc(doctor: Client) -> None:
    start = at(3).replace(tzinfo=None).isoformat()
    body = {"starts_at": f"{start}.5+05:30", "ends_at": f"{start}.5z".replace("T09", "t10")}
    slot = ok(doctor.post("/v1/slots", body), 201)
    expected = at(3) - timedelta(hours=5.5) + timedelta(seconds=0.5)
    assert datetime.fromisoformat(slot["starts_at"]) == expected


ODD_TIMES = [
    "2190-01-01T09:00:00+0000",
    "2190-01-01T09:00:00+00",
    "2190-01-01T09:00:00 +00:00",
    "2190-01-01 09:00:00+00:00",
    "2190-01-01T09:00:00 00:00",
    "2190-01-01T09:00:00",
    "2190-01-01T09:00Z",
    "2190-01-01T09:00:00 Z",
    "2190-01-01T09:00:00.Z",
    "2190-01-01T09:00:00,5Z",
    "20900101T090000Z",
    "2190-01-01T09:00:00+00:00[UTC]",
    "Fri, 01 Jan 2190 09:00:00 GMT",
    "now",
    "6942841200",
]


@pytest.mark.parametrize("time", ODD_TIMES)
def test_odd_time_is_refused_with_an_example_in_a_body_and_in_a_query(
    doctor: Client, time: str
) -> None:
    body = {"starts_at": time, "ends_at": time}
    refusals = {
        "#/starts_at #/ends_at": doctor.post("/v1/slots", body),
        "from to": doctor.get(f"/v1/doctors/{doctor.id}/slots", from_=time, to=time),
    }
    for names, answer in refusals.items():
        assert places(answer) == sorted(names.split())
        for error in answer.json()["errors"]:
            assert "Send a time such as 2026-11-22T09:30:00Z" in error["detail"]
            assert "%2B" in error["detail"]


@pytest.mark.parametrize(
    "time", ["2190-01-01T09:00:00z", "2190-01-01t09:00:00-00:00", "2190-01-01T14:30:00+05:30"]
)
def test_every_spelling_of_rfc_3339_is_understood_in_a_body_and_in_a_query(
    doctor: Client, time: str
) -> None:
    body = {"starts_at": time, "ends_at": "2190-01-01T09:30:00Z"}
    slot = ok(doctor.post("/v1/slots", body), 201)
    found = ok(doctor.get(f"/v1/doctors/{doctor.id}/slots", from_=time))["items"]
    assert [row["id"] for row in found] == [slot["id"]]
    assert datetime.fromisoformat(slot["starts_at"]) == datetime(2190, 1, 1, 9, tzinfo=UTC)


def test_slot_that_overlaps_another_one_is_refused(
    doctor: Client, new_doctor: Callable[..., Client]
) -> None:
    doctor.publish(at(1, 9))
    for start in (at(1, 9), at(1, 9, 29), at(1, 8, 31)):
        body = {
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(hours=0.5)).isoformat(),
        }
        problem(doctor.post("/v1/slots", body), 409, "TM902")
    doctor.publish(at(1, 9, 30))
    new_doctor().publish(at(1, 9))


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "place"),
    [
        ("2020-01-01T09:00:00Z", "2020-01-01T10:00:00Z", "#/starts_at"),
        ("2190-01-01T09:00:00Z", "2190-01-01T09:00:00Z", "#/ends_at"),
        ("2190-01-01T09:00:00Z", "2190-01-01T08:00:00Z", "#/ends_at"),
        ("2190-01-01T09:00:00", "2190-01-01T10:00:00Z", "#/starts_at"),
        ("2190-01-01", "2190-01-01T10:00:00Z", "#/starts_at"),
        ("2190-01-01 09:00:00Z", "2190-01-01T10:00:00Z", "#/starts_at"),
        ("2190-01-01T09:00Z", "2190-01-01T10:00:00Z", "#/starts_at"),
        ("2190-13-01T09:00:00Z", "2190-01-01T10:00:00Z", "#/starts_at"),
        ("2190-01-01T09:00:60Z", "2190-01-01T10:00:00Z", "#/starts_at"),
        ("2190-01-01T09:00:00+25:00", "2190-01-01T10:00:00Z", "#/starts_at"),
        ("infinity", "2190-01-01T10:00:00Z", "#/starts_at"),
        ("2190-01-01T09:00:00Z", "infinity", "#/ends_at"),
        ("2190-01-01T09:00:00Z", "10000-01-01T00:00:00Z", "#/ends_at"),
        ("2190-01-01T09:00:00Z", "9999-12-31T23:59:59-01:00", "#/ends_at"),
        ("0001-01-01T00:00:00+01:00", "2190-01-01T10:00:00Z", "#/starts_at"),
        ("٢١٩٠-01-01T09:00:00Z", "2190-01-01T10:00:00Z", "#/starts_at"),
        (6942841200, "2190-01-01T10:00:00Z", "#/starts_at"),
        (None, "2190-01-01T10:00:00Z", "#/starts_at"),
    ],
)
def test_invalid_time_is_refused(
    doctor: Client, starts_at: object, ends_at: object, place: str
) -> None:
    answer = doctor.post("/v1/slots", {"starts_at": starts_at, "ends_at": ends_at})
    assert set(places(answer)) == {place}


def test_slot_longer_than_a_day_is_refused(doctor: Client) -> None:
    body = {"starts_at": at(1).isoformat(), "ends_at": at(3).isoformat()}
    problem(doctor.post("/v1/slots", body), 422)


def test_weekly_slots_keep_their_local_time_when_clocks_change(
    new_doctor: Callable[..., Client],
) -> None:
    doctor = new_doctor(time_zone="Europe/Berlin")
    # In every year, these days include the last Sunday of March.
    body = WEEK | {"from": next_year(3, 24), "to": next_year(3, 31), "end_time": "09:30"}
    published = ok(doctor.post("/v1/slots/recurring", body), 201)
    hours = [datetime.fromisoformat(slot["starts_at"]).hour for slot in published["items"]]
    assert len(hours) == 8
    assert hours == sorted(hours, reverse=True)
    assert set(hours) == {8, 7}


def test_weekly_slots_published_again_add_only_missing_slots(doctor: Client) -> None:
    body = WEEK | {"from": next_year(5, 1), "to": next_year(5, 2), "time_zone": "UTC"}
    first = ok(doctor.post("/v1/slots/recurring", body), 201)
    assert (len(first["items"]), first["skipped"]) == (4, [])
    assert doctor.delete(f"/v1/slots/{first['items'][0]['id']}").status_code == 204

    again = ok(doctor.post("/v1/slots/recurring", body), 201)
    assert [slot["starts_at"] for slot in again["items"]] == [first["items"][0]["starts_at"]]
    assert [slot["reason"] for slot in again["skipped"]] == ["already_published"] * 3

    shifted = ok(doctor.post("/v1/slots/recurring", body | {"start_time": "09:15"}), 201)
    assert {slot["reason"] for slot in shifted["skipped"]} == {"overlaps"}


def test_weekly_slots_offer_a_repeated_hour_twice(
    new_doctor: Callable[..., Client],
) -> None:
    doctor = new_doctor(time_zone="America/Chicago")
    hours = {"start_time": "00:00", "end_time": "06:00", "slot_minutes": 60}
    day = {"from": "2027-11-07", "to": "2027-11-07"}
    published = ok(doctor.post("/v1/slots/recurring", WEEK | hours | day), 201)
    starts = [datetime.fromisoformat(slot["starts_at"]) for slot in published["items"]]
    first = datetime(2027, 11, 7, 5, tzinfo=UTC)
    assert starts == [first + timedelta(hours=n) for n in range(7)]
    assert published["skipped"] == []


def test_weekly_slots_give_a_reason_for_each_skipped_slot(
    new_doctor: Callable[..., Client],
) -> None:
    doctor = new_doctor(time_zone="Europe/Berlin")
    day = {"from": "2027-03-28", "to": "2027-03-28"}  # clocks go from 02:00 to 03:00: 01:00 UTC

    def publish(start: str, end: str, minutes: int) -> tuple[list[str], list[tuple[str, str]]]:
        hours = {"start_time": start, "end_time": end, "slot_minutes": minutes}
        published = ok(doctor.post("/v1/slots/recurring", WEEK | day | hours), 201)
        return (
            [slot["starts_at"][8:16] for slot in published["items"]],
            [(skip["starts_at_local"][11:16], skip["reason"]) for skip in published["skipped"]],
        )

    away = {"starts_at": "2027-03-27T23:30:00Z", "ends_at": "2027-03-27T23:45:00Z"}
    ok(doctor.post("/v1/time-off", away), 201)
    # Time off takes the first slot, so that nothing overlaps the second one.
    assert publish("00:30", "06:30", 180) == (["28T01:30"], [("00:30", "time_off")])
    assert publish("02:30", "06:30", 180) == ([], [("02:30", "no_such_local_time")])
    assert publish("03:30", "06:30", 180) == ([], [("03:30", "already_published")])
    assert publish("04:00", "09:00", 150) == (["28T04:30"], [("04:00", "overlaps")])
    assert publish("00:00", "24:00", 1440) == ([], [("00:00", "does_not_fit")])


def test_preview_of_weekly_slots_says_what_their_publication_does(doctor: Client) -> None:
    doctor.publish(at(5, 9))
    taken = at(5, 11)
    off = {"starts_at": taken.isoformat(), "ends_at": (taken + timedelta(hours=1)).isoformat()}
    ok(doctor.post("/v1/time-off", off), 201)
    day = {"from": at(5).date().isoformat(), "to": at(5).date().isoformat(), "time_zone": "UTC"}
    hours = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "start_time": "08:00", "end_time": "12:00"}
    body = day | hours | {"slot_minutes": 30}
    preview = ok(doctor.post("/v1/slots/recurring/preview", body))
    assert preview == ok(doctor.post("/v1/slots/recurring/preview", body))  # it writes nothing
    assert {row["reason"] for row in preview["skipped"]} == {"already_published", "time_off"}
    published = ok(doctor.post("/v1/slots/recurring", body), 201)
    assert preview["skipped"] == published["skipped"]
    assert preview["items"] == [
        {name: slot[name] for name in ("starts_at", "ends_at")} for slot in published["items"]
    ]
    assert ok(doctor.post("/v1/slots/recurring/preview", body))["items"] == []


def test_weekly_slots_over_midnight_belong_to_the_day_on_which_they_begin(doctor: Client) -> None:
    night = {"start_time": "22:30", "end_time": "01:30", "slot_minutes": 60, "weekdays": [5]}
    week = {"from": "2027-06-07", "to": "2027-06-13", "time_zone": "UTC"}  # Monday to Sunday
    published = ok(doctor.post("/v1/slots/recurring", WEEK | night | week), 201)
    starts = [slot["starts_at"][:16] for slot in published["items"]]
    assert starts == ["2027-06-11T22:30", "2027-06-11T23:30", "2027-06-12T00:30"]
    assert published["skipped"] == []


def test_skipped_slot_in_a_repeated_hour_is_named_by_its_instant(doctor: Client) -> None:
    # Lord Howe shows 01:30 to 02:00 twice: a slot of an hour at the second 01:30 would overlap.
    hours = {"start_time": "00:30", "end_time": "03:30", "slot_minutes": 60}
    day = {"from": "2027-04-04", "to": "2027-04-04", "time_zone": "Australia/Lord_Howe"}
    skipped = ok(doctor.post("/v1/slots/recurring", WEEK | hours | day), 201)["skipped"]
    assert skipped == [
        {
            "starts_at_local": "2027-04-04T01:30:00",
            "reason": "overlaps",
            "starts_at": "2027-04-03T15:00:00Z",
        }
    ]


def test_weekly_slots_may_end_at_midnight(doctor: Client) -> None:
    body = WEEK | {"from": next_year(6, 1), "to": next_year(6, 1), "time_zone": "UTC"}
    late = body | {"start_time": "23:00", "end_time": "24:00"}
    assert len(ok(doctor.post("/v1/slots/recurring", late), 201)["items"]) == 2


def test_weekly_slots_skip_past_days(doctor: Client) -> None:
    body = WEEK | {"from": at(-2).date().isoformat(), "to": at(-1).date().isoformat()}
    published = ok(doctor.post("/v1/slots/recurring", body), 201)
    assert published["items"] == []
    assert {slot["reason"] for slot in published["skipped"]} == {"in_the_past"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"weekdays": []}, "#/weekdays"),
        ({"weekdays": [0]}, "#/weekdays/0"),
        ({"weekdays": [1, 8]}, "#/weekdays/1"),
        ({"weekdays": ["1"]}, "#/weekdays/0"),
        ({"weekdays": "1"}, "#/weekdays"),
        ({"weekdays": [1] * 8}, "#/weekdays"),
        ({"start_time": "9:00"}, "#/start_time"),
        ({"start_time": "25:00"}, "#/start_time"),
        ({"start_time": "09:00+01:00"}, "#/start_time"),
        ({"start_time": "24:00"}, "#/start_time"),
        ({"end_time": "09:00"}, "#/end_time"),
        ({"end_time": "24:01"}, "#/end_time"),
        ({"slot_minutes": 0}, "#/slot_minutes"),
        ({"slot_minutes": 30.0}, "#/slot_minutes"),
        ({"slot_minutes": 10**10}, "#/slot_minutes"),
        ({"from": "2027-02-29"}, "#/from"),
        ({"from": "10000-01-01"}, "#/from"),
        ({"from": "2027-06-01T00:00:00Z"}, "#/from"),
        ({"to": "2027-05-01"}, "#/to"),
        ({"to": "2037-05-01"}, "#/to"),
        ({"time_zone": "Nowhere"}, "#/time_zone"),
        ({"repeat": True}, "#/repeat"),
    ],
)
def test_weekly_slots_with_invalid_values_are_refused(
    doctor: Client, change: dict[str, object], place: str
) -> None:
    body = WEEK | {"from": "2027-06-01", "to": "2027-06-07"} | change
    for path in ("/v1/slots/recurring", "/v1/slots/recurring/preview"):
        assert set(places(doctor.post(path, body))) == {place}


def test_weekly_slots_beyond_five_thousand_are_refused(doctor: Client) -> None:
    body = WEEK | {"start_time": "00:00", "end_time": "24:00", "slot_minutes": 5}
    for days in ({"to": next_year(1, 31)}, {"to": next_year(12, 31)}):
        answer = doctor.post("/v1/slots/recurring", body | {"from": next_year(1, 1)} | days)
        assert places(answer) == ["#/to"]
    assert ok(doctor.get(f"/v1/doctors/{doctor.id}/slots"))["items"] == []


def test_open_slot_is_withdrawn(
    doctor: Client, patient: Client, new_doctor: Callable[..., Client]
) -> None:
    slot = doctor.publish()
    problem(new_doctor().delete(f"/v1/slots/{slot['id']}"), 404, "TM402")
    answer = doctor.delete(f"/v1/slots/{slot['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert ok(patient.get(f"/v1/doctors/{doctor.id}/slots"))["items"] == []
    doctor.publish()  # the time is free again


def test_withdrawing_a_booked_slot_is_refused(doctor: Client, patient: Client) -> None:
    slot = doctor.publish()
    patient.book(slot)
    problem(doctor.delete(f"/v1/slots/{slot['id']}"), 409, "TM910")


def test_search_finds_open_slots_of_all_doctors(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    specialty = "Rare Diseases"
    doctors = [new_doctor(specialty=specialty, full_name=name) for name in ("Ann", "Bob")]
    early = doctors[1].publish(at(10, 8))
    late = doctors[0].publish(at(10, 12))
    doctors[0].publish(at(12, 12))
    query = {"specialty": "rare diseases", "from_": at(10).isoformat(), "to": at(11).isoformat()}
    found = ok(patient.get("/v1/slots", **query))["items"]
    assert [slot["id"] for slot in found] == [late["id"]]

    query["from_"] = at(10, 0).isoformat()
    found = ok(patient.get("/v1/slots", **query))["items"]
    assert [slot["id"] for slot in found] == [early["id"], late["id"]]
    assert [slot["doctor_name"] for slot in found] == ["Bob", "Ann"]
    assert found[0]["fee_minor"] == 5000

    patient.book(early)
    found = ok(patient.get("/v1/slots", **query))["items"]
    assert [slot["id"] for slot in found] == [late["id"]]


def test_search_finds_slots_by_language_weekday_and_local_hours(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    specialty = "Evening Medicine"
    spanish = new_doctor(specialty=specialty, languages=["en", "es"])
    english = new_doctor(specialty=specialty, languages=["en"])
    # Kathmandu is 5:45 ahead of UTC: 17:00 there is 11:15.
    slots = [spanish.publish(at(10, hour, 15)) for hour in (10, 11, 13, 14)]
    other = english.publish(at(10, 11, 15))
    weekday = at(10).isoweekday()

    def found(**query: object) -> set[str]:
        answer = ok(patient.get("/v1/slots", specialty=specialty, **query))
        return {slot["id"] for slot in answer["items"]}

    ids = [slot["id"] for slot in slots]
    evening = {"between": "17:00-20:00", "time_zone": "Asia/Kathmandu"}
    assert found(language="es") == {*ids}
    assert found(language="es", **evening) == {ids[1], ids[2]}
    assert found(**evening) == {ids[1], ids[2], other["id"]}
    assert found(weekdays=f"{weekday}", **evening) == found(**evening)
    assert found(weekdays=f"{weekday % 7 + 1},{(weekday + 1) % 7 + 1}", **evening) == set()
    assert found(language="fr") == set()

    pages = patient.pages("/v1/slots", specialty=specialty, limit=1, **evening)
    assert len(pages) == 3
    assert {slot["id"] for page in pages for slot in page} == found(**evening)


def test_open_slots_are_listed_in_pages(patient: Client, doctor: Client) -> None:
    slots = [doctor.publish(at(2, hour)) for hour in (9, 10, 11)]
    path = f"/v1/doctors/{doctor.id}/slots"
    assert patient.pages(path, limit=2) == [slots[:2], slots[2:]]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"from_": "today"}, "from"),
        ({"from_": "2027-01-01T00:00:00"}, "from"),
        ({"to": "infinity"}, "to"),
        ({"to": "10000-01-01T00:00:00Z"}, "to"),
        ({"cursor": "00000000-0000-4000-8000-000000000000"}, "cursor"),
        ({"doctor": "x"}, "doctor"),
        ({"from_": "2027-01-02T00:00:00Z", "to": "2027-01-02T00:30:00+01:00"}, "to"),
        ({"language": "xx"}, "language"),
        ({"weekdays": "0", "time_zone": "UTC"}, "weekdays"),
        ({"weekdays": "1,8", "time_zone": "UTC"}, "weekdays"),
        ({"weekdays": "1,,2", "time_zone": "UTC"}, "weekdays"),
        ({"weekdays": "", "time_zone": "UTC"}, "weekdays"),
        ({"weekdays": ["1", "2"], "time_zone": "UTC"}, "weekdays"),
        ({"weekdays": "1"}, "time_zone"),
        ({"between": "17:00-20:00"}, "time_zone"),
        ({"between": "17-20", "time_zone": "UTC"}, "between"),
        ({"between": "17:00-17:00", "time_zone": "UTC"}, "between"),
        ({"between": "17:00-20:00", "time_zone": "Nowhere"}, "time_zone"),
        ({"between": "17:00-20:00\n", "time_zone": "UTC"}, "between"),
        ({"weekdays": "1", "time_zone": "UTC", "to": "9999-12-31T00:00:00Z"}, "to"),
    ],
)
def test_search_with_an_invalid_query_is_refused(
    patient: Client, query: dict[str, object], place: str
) -> None:
    assert set(places(patient.get("/v1/slots", **query))) == {place}
