"""Requests at the same moment, over HTTP, on two worker processes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import requests

from scripts.server import Cluster
from tests.support.client import Client, at, new_key, ok, problem, race, statuses

People = Callable[..., Client]
MANY = 12


def test_concurrent_bookings_of_one_slot_succeed_once(doctor: Client, new_patient: People) -> None:
    slot = doctor.publish()
    patients = [new_patient() for _ in range(MANY)]
    body = {"slot_id": slot["id"]}
    answers = race([lambda p=p: p.post("/v1/consultations", body, key=new_key()) for p in patients])
    assert statuses(answers) == {201: 1, 409: MANY - 1}
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"TM901"}
    (booked,) = ok(doctor.get("/v1/consultations"))["items"]
    (winner,) = (a.json() for a in answers if a.status_code == 201)
    assert booked == winner


def test_concurrent_retries_with_one_key_make_one_booking(doctor: Client, patient: Client) -> None:
    slot, key = doctor.publish(), new_key()
    body = {"slot_id": slot["id"], "reason": "Itching"}
    answers = race([lambda: patient.post("/v1/consultations", body, key=key)] * MANY)
    first = [a for a in answers if a.status_code == 201 and "Idempotency-Replayed" not in a.headers]
    assert len(first) == 1
    for answer in answers:
        if answer.status_code == 201:
            assert answer.json() == first[0].json()
        else:  # still in flight, on a very slow machine
            problem(answer, 409, "TM991")
            assert answer.headers["Retry-After"] == "1"
    assert len(ok(patient.get("/v1/consultations"))["items"]) == 1


def test_concurrent_requests_with_one_key_and_different_bodies_succeed_once(
    doctor: Client, patient: Client
) -> None:
    slot, key = doctor.publish(), new_key()
    reasons = ["Itching", "Coughing", "Sneezing"] * (MANY // 3)
    bodies = [{"slot_id": slot["id"], "reason": reason} for reason in reasons]
    calls = [lambda body=body: patient.post("/v1/consultations", body, key=key) for body in bodies]
    answers = race(calls)
    (booked,) = ok(patient.get("/v1/consultations"))["items"]
    first = [a for a in answers if a.status_code == 201 and "Idempotency-Replayed" not in a.headers]
    assert [answer.json() for answer in first] == [booked]
    for answer, reason in zip(answers, reasons, strict=True):
        if answer.status_code == 409:  # still in flight, on a very slow machine
            problem(answer, 409, "TM991")
        elif reason == booked["reason"]:
            assert ok(answer, 201) == booked
        else:
            problem(answer, 422, "TM203")


def test_concurrent_bookings_of_sold_out_slots_are_refused(
    doctor: Client, new_patient: People
) -> None:
    slots = [doctor.publish(at(1, hour)) for hour in (8, 9, 10)]
    owner, patients = new_patient(), [new_patient() for _ in range(MANY)]
    booked = [owner.book(slot) for slot in slots]
    calls = [
        lambda p=p, n=n: p.post(
            "/v1/consultations", {"slot_id": slots[n % len(slots)]["id"]}, key=new_key()
        )
        for n, p in enumerate(patients)
    ]
    for answer in race(calls):
        problem(answer, 409, "TM901")
    found = ok(doctor.get("/v1/consultations"))["items"]
    assert sorted(row["id"] for row in found) == sorted(row["id"] for row in booked)


def test_concurrent_bookings_over_a_few_slots_book_each_slot_once(
    doctor: Client, new_patient: People
) -> None:
    slots = [doctor.publish(at(1, hour)) for hour in (8, 9, 10)]

    def try_all(patient: Client, first: int) -> list[int]:
        tried: list[int] = []
        for slot in slots[first:] + slots[:first]:
            answer = patient.post("/v1/consultations", {"slot_id": slot["id"]}, key=new_key())
            tried.append(answer.status_code)
            if answer.status_code != 409:
                break
        return tried

    patients = [new_patient() for _ in range(MANY)]
    results = race([lambda p=p, n=n: try_all(p, n % 3) for n, p in enumerate(patients)])
    assert Counter(tried[-1] for tried in results) == {201: 3, 409: MANY - 3}
    assert set(itertools.chain(*results)) == {201, 409}
    held = ok(doctor.get("/v1/consultations"))["items"]
    assert {row["slot_id"] for row in held} == {slot["id"] for slot in slots}


def test_concurrent_bookings_of_overlapping_slots_by_one_patient_succeed_once(
    patient: Client, new_doctor: People
) -> None:
    slots = [new_doctor().publish(at(1, 9, minute)) for minute in range(0, 24, 4)]
    calls = [
        lambda slot=slot: patient.post("/v1/consultations", {"slot_id": slot["id"]}, key=new_key())
        for slot in slots
    ]
    answers = race(calls)
    assert statuses(answers) == {201: 1, 409: len(slots) - 1}


def test_crosswise_reschedules_do_not_deadlock(doctor: Client, new_patient: People) -> None:
    patients = [new_patient(), new_patient()]
    for round_ in range(4):
        slots = [doctor.publish(at(1 + round_, hour)) for hour in (9, 10)]
        booked = [p.book(slot) for p, slot in zip(patients, slots, strict=True)]

        def move(mine: int, slots: list[Any] = slots, booked: list[Any] = booked) -> Any:
            path = f"/v1/consultations/{booked[mine]['id']}/reschedule"
            return patients[mine].post(path, {"slot_id": slots[1 - mine]["id"]}, key=new_key())

        # Neither slot is ever open, so both are refused: the point is that both get an answer.
        answers = race([lambda move=move: move(0), lambda move=move: move(1)])
        assert statuses(answers) == {409: 2}


def test_reschedules_in_a_ring_do_not_deadlock(doctor: Client, new_patient: People) -> None:
    *slots, spare = [doctor.publish(at(1, hour)) for hour in (8, 9, 10, 11)]
    patients = [new_patient() for _ in slots]
    booked = [p.book(slot) for p, slot in zip(patients, slots, strict=True)]
    targets = [slots[1], slots[2], spare]
    calls = [
        lambda p=p, b=b, slot=slot: p.post(
            f"/v1/consultations/{b['id']}/reschedule", {"slot_id": slot["id"]}, key=new_key()
        )
        for p, b, slot in zip(patients, booked, targets, strict=True)
    ]
    *others, last = race(calls)
    # The reschedule to the spare slot succeeds; the others succeed if their slot is free by then.
    assert last.status_code == 200
    assert set(statuses(others)) <= {200, 409}
    held = ok(doctor.get("/v1/consultations"))["items"]
    assert len({row["slot_id"] for row in held}) == len(held) == len(slots)


def test_concurrent_reschedules_to_one_slot_succeed_once(
    doctor: Client, new_patient: People
) -> None:
    target = doctor.publish(at(30))
    patients = [new_patient() for _ in range(6)]
    booked = [p.book(doctor.publish(at(1 + n))) for n, p in enumerate(patients)]
    calls = [
        lambda p=p, b=b: p.post(
            f"/v1/consultations/{b['id']}/reschedule", {"slot_id": target["id"]}, key=new_key()
        )
        for p, b in zip(patients, booked, strict=True)
    ]
    assert statuses(race(calls)) == {200: 1, 409: 5}
    assert len(ok(patients[0].get(f"/v1/doctors/{doctor.id}/slots"))["items"]) == 1


def test_concurrent_reschedules_and_bookings_of_the_same_slots_share_no_slot(
    doctor: Client, new_patient: People
) -> None:
    slots = [doctor.publish(at(1, hour)) for hour in (8, 9, 10)]
    mover, booker = new_patient(), new_patient()
    booked = mover.book(slots[0])
    path = f"/v1/consultations/{booked['id']}/reschedule"
    calls: list[Callable[[], requests.Response]] = []
    for slot in slots:
        body = {"slot_id": slot["id"]}
        calls.append(lambda body=body: mover.post(path, body, key=new_key()))
        calls.append(lambda body=body: booker.post("/v1/consultations", body, key=new_key()))
    answers = race(calls)
    assert set(statuses(answers)) <= {200, 201, 409}
    held = ok(doctor.get("/v1/consultations", status="scheduled"))["items"]
    assert len({row["slot_id"] for row in held}) == len(held)


def test_concurrent_completion_and_cancellation_succeed_once(
    doctor: Client, patient: Client
) -> None:
    for day in range(1, 6):
        booked = patient.book(doctor.publish(at(day)))
        path = f"/v1/consultations/{booked['id']}"
        answers = race(
            [
                lambda path=path: doctor.post(path + "/complete", {"notes": "Done"}),
                lambda path=path: patient.post(path + "/cancel", {"reason": "Ill"}),
            ]
        )
        assert statuses(answers) == {200: 1, 409: 1}
        (winner,) = (a.json() for a in answers if a.status_code == 200)
        assert ok(patient.get(path)) == winner


def test_concurrent_cancellation_and_bookings_never_share_a_slot(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    slot = doctor.publish()
    booked = patient.book(slot)
    others = [new_patient() for _ in range(5)]
    body = {"slot_id": slot["id"]}
    answers = race(
        [
            lambda: patient.post(f"/v1/consultations/{booked['id']}/cancel"),
            *(lambda p=p: p.post("/v1/consultations", body, key=new_key()) for p in others),
        ]
    )
    assert answers[0].status_code == 200
    assert statuses(answers[1:])[201] <= 1
    assert set(statuses(answers[1:])) <= {201, 409}


def test_concurrent_refunds_never_exceed_the_payment(
    doctor: Client, patient: Client, admin: Client
) -> None:
    payment = admin.pay(patient.book(doctor.publish()), 5000)
    path = f"/v1/payments/{payment['id']}/refunds"
    call = [lambda: admin.post(path, {"amount_minor": 1500}, key=new_key())] * 8
    answers = race(call)
    assert statuses(answers) == {201: 3, 409: 5}


def test_concurrent_payments_never_exceed_the_fee(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    body = {"amount_minor": 2000, "currency": "EUR", "method": "card"}
    path = f"/v1/consultations/{booked['id']}/payments"
    answers = race([lambda: admin.post(path, body, key=new_key())] * 8)
    assert statuses(answers) == {201: 2, 409: 6}


def test_overlapping_slots_published_concurrently_succeed_once(doctor: Client) -> None:
    bodies = [
        {
            "starts_at": at(1, 9, minute).isoformat(),
            "ends_at": at(1, 10, minute).isoformat(),
        }
        for minute in range(0, 40, 5)
    ]
    answers = race([lambda body=body: doctor.post("/v1/slots", body) for body in bodies])
    assert statuses(answers) == {201: 1, 409: len(bodies) - 1}


def test_same_weekly_slots_published_concurrently_exist_once(doctor: Client) -> None:
    body = {
        "from": at(1).date().isoformat(),
        "to": at(7).date().isoformat(),
        "weekdays": [1, 2, 3, 4, 5, 6, 7],
        "start_time": "09:00",
        "end_time": "12:00",
        "slot_minutes": 30,
        "time_zone": "UTC",
    }
    answers = race([lambda: doctor.post("/v1/slots/recurring", body)] * 5)
    assert sum(len(ok(answer, 201)["items"]) for answer in answers) == 42


def test_concurrent_withdrawal_and_booking_succeed_once(doctor: Client, patient: Client) -> None:
    for day in range(1, 6):
        slot = doctor.publish(at(day))
        path, body = f"/v1/slots/{slot['id']}", {"slot_id": slot["id"]}
        answers = race(
            [
                lambda path=path: doctor.delete(path),
                lambda body=body: patient.post("/v1/consultations", body, key=new_key()),
            ]
        )
        assert [a.status_code for a in answers] in ([204, 409], [409, 201])


def test_refresh_token_used_by_64_concurrent_requests_is_rotated_once(
    roomy: str, stranger: Client, patient: Client, cluster: Cluster, database: str
) -> None:
    there = Client(roomy, stranger.contract)
    first = {"refresh_token": patient.tokens["refresh_token"]}
    answers = race([lambda: there.post("/v1/auth/refresh", first)] * 64)
    assert statuses(answers) == {200: 64}
    (token,) = {a.json()["refresh_token"] for a in answers}
    ok(stranger.post("/v1/auth/refresh", {"refresh_token": token}))
    # Use of the first token more than ten seconds later is reuse, which ends the session.
    cluster.sql(
        "set session_replication_role = replica; update app.refresh_tokens"
        " set spent_at = spent_at - interval '11 seconds'"
        f" where session_id = '{patient.session_id}' and spent_at is not null",
        database,
    )
    problem(stranger.post("/v1/auth/refresh", first), 401, "TM104")
    problem(patient.get("/v1/me"), 401, "TM102")


def test_concurrent_sign_ups_with_one_address_create_one_account(stranger: Client) -> None:
    def sign_up(number: int) -> requests.Response:
        email = ("Race@clinic.test", "race@CLINIC.test")[number % 2]
        body = {"email": email, "password": "correct horse battery", "full_name": "R"}
        return stranger.post("/v1/auth/signup", body)

    answers = race([lambda n=n: sign_up(n) for n in range(8)])
    assert statuses(answers) == {201: 1, 409: 7}
