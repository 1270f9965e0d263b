"""The schedule of a doctor."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.client import Client, at, ok, places

PATH = "/v1/me/schedule"


def test_schedule_has_slots_consultations_and_time_off(doctor: Client, patient: Client) -> None:
    free = doctor.publish(at(3, 9))
    booked = patient.book(doctor.publish(at(3, 10)), reason="A rash")
    start = at(3, 12)
    body = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=30)).isoformat()}
    off = ok(doctor.post("/v1/time-off", body | {"reason": "Holiday"}), 201)
    day = at(3).date().isoformat()
    answer = ok(doctor.get(PATH, from_=day, to=day, time_zone="UTC"))
    assert answer["next_cursor"] is None
    nobody = {"patient_id": None, "patient_name": None}
    times = ("starts_at", "ends_at")
    assert answer["items"] == [
        {"kind": "slot", "id": free["id"], "status": "open", "reason": None}
        | nobody
        | {name: free[name] for name in times},
        {"kind": "consultation", "id": booked["id"], "status": "scheduled", "reason": "A rash"}
        | {name: booked[name] for name in ("patient_id", "patient_name", *times)},
        {"kind": "time_off", "id": off["id"], "status": None, "reason": "Holiday"}
        | nobody
        | {name: off[name] for name in times},
    ]
    next_day = at(4).date().isoformat()
    items = ok(doctor.get(PATH, from_=next_day, to=next_day, time_zone="UTC"))["items"]
    assert [item["id"] for item in items] == [off["id"]]
    read = ok(patient.get("/v1/me/access-log"))["items"][0]
    assert (read["operation"], read["resource_ids"]) == ("my_schedule", [booked["id"]])


def test_schedule_has_by_default_seven_days_from_today_on(doctor: Client) -> None:
    inside = [doctor.publish(at(day, 12)) for day in (1, 5)]
    doctor.publish(at(8, 12))
    assert [row["id"] for row in ok(doctor.get(PATH))["items"]] == [slot["id"] for slot in inside]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"from_": "2027-01-02", "to": "2027-01-01"}, "to"),
        ({"from_": "2027-01-01", "to": "2027-02-01"}, "to"),
        ({"from_": "2027-02-29"}, "from"),
        ({"from_": "9999-12-31", "to": "10000-01-01"}, "to"),
        ({"time_zone": "Nowhere"}, "time_zone"),
        ({"limit": 10}, "limit"),
    ],
)
def test_schedule_with_an_invalid_query_is_refused(
    doctor: Client, query: dict[str, object], place: str
) -> None:
    assert set(places(doctor.get(PATH, **query))) == {place}
