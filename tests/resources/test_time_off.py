"""Time off of doctors."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.client import Client, at, new_key, ok, places, problem


def away(day: int) -> dict[str, str]:
    return {"starts_at": at(day, 0).isoformat(), "ends_at": at(day + 1, 0).isoformat()}


def test_time_off_withdraws_open_slots_and_names_booked_slots(
    doctor: Client, patient: Client
) -> None:
    free = doctor.publish(at(5, 9))
    booked = patient.book(doctor.publish(at(5, 10)))
    outside = doctor.publish(at(6, 9))
    taken = ok(doctor.post("/v1/time-off", away(5) | {"reason": "A conference"}), 201)
    assert taken["withdrawn_slot_ids"] == [free["id"]]
    assert taken["booked_consultation_ids"] == [booked["id"]]
    assert ok(patient.get(f"/v1/doctors/{doctor.id}/slots"))["items"] == [outside]
    assert ok(patient.get(f"/v1/consultations/{booked['id']}"))["status"] == "scheduled"

    body = {"starts_at": at(5, 15).isoformat(), "ends_at": at(5, 16).isoformat()}
    problem(doctor.post("/v1/slots", body), 409, "TM913")
    problem(doctor.post("/v1/time-off", away(5)), 409, "TM913")


def test_slot_cancelled_within_time_off_is_not_offered_again(
    doctor: Client, patient: Client
) -> None:
    cancelled = patient.book(doctor.publish(at(5, 9)))
    moved = patient.book(doctor.publish(at(5, 10)))
    elsewhere = doctor.publish(at(8, 9))
    ok(doctor.post("/v1/time-off", away(5)), 201)
    ok(doctor.post(f"/v1/consultations/{cancelled['id']}/cancel"))
    path = f"/v1/consultations/{moved['id']}/reschedule"
    ok(patient.post(path, {"slot_id": elsewhere["id"]}, key=new_key()))
    assert ok(patient.get(f"/v1/doctors/{doctor.id}/slots"))["items"] == []


def test_time_off_is_listed_and_ended(doctor: Client, new_doctor: Callable[..., Client]) -> None:
    taken = [ok(doctor.post("/v1/time-off", away(day)), 201) for day in (7, 9, 11)]
    first, rest = doctor.pages("/v1/time-off", limit=2)
    assert {row["id"] for row in first + rest} == {row["id"] for row in taken}
    assert ok(new_doctor().get("/v1/time-off"))["items"] == []

    path = f"/v1/time-off/{taken[0]['id']}"
    problem(new_doctor().delete(path), 404, "TM405")
    assert doctor.delete(path).status_code == 204
    problem(doctor.delete(path), 404, "TM405")
    doctor.publish(at(7))


def test_time_off_with_an_invalid_interval_is_refused(doctor: Client) -> None:
    backwards = {"starts_at": at(3).isoformat(), "ends_at": at(2).isoformat()}
    assert places(doctor.post("/v1/time-off", backwards)) == ["#/ends_at"]
    naive = away(3) | {"starts_at": "2027-01-01T00:00:00"}
    assert places(doctor.post("/v1/time-off", naive)) == ["#/starts_at"]
    assert places(doctor.post("/v1/time-off", away(3) | {"reason": ""})) == ["#/reason"]
