"""The header Idempotency-Key: a retry gets the first answer again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.client import Client, at, new_key, ok, places, problem
from tests.support.raw import connect, everything, refused, request

People = Callable[..., Client]


def replayed(answer: requests.Response) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def book(patient: Client, slot: dict[str, Any], key: str, **more: object) -> requests.Response:
    return patient.post("/v1/consultations", {"slot_id": slot["id"], **more}, key=key)


def test_retry_gets_the_same_answer(doctor: Client, patient: Client) -> None:
    slot, key = doctor.publish(), new_key()
    first = book(patient, slot, key, reason="Itching")
    again = book(patient, slot, key, reason="Itching")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (replayed(first), replayed(again)) == (False, True)
    assert len(ok(patient.get("/v1/consultations"))["items"]) == 1


def test_retry_after_later_changes_gets_the_original_answer(
    doctor: Client, patient: Client
) -> None:
    slot, key = doctor.publish(), new_key()
    first = ok(book(patient, slot, key), 201)
    ok(patient.post(f"/v1/consultations/{first['id']}/cancel", {"reason": "Ill"}))
    again = book(patient, slot, key)
    assert (again.status_code, again.json(), replayed(again)) == (201, first, True)
    assert ok(patient.get(f"/v1/consultations/{first['id']}"))["status"] == "cancelled"


def test_retry_of_a_refused_booking_is_refused_after_the_slot_reopens(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    slot, key = doctor.publish(), new_key()
    booked = new_patient().book(slot)
    first = book(patient, slot, key)
    problem(first, 409, "TM901")
    ok(doctor.post(f"/v1/consultations/{booked['id']}/cancel"))
    again = book(patient, slot, key)
    problem(again, 409, "TM901")
    assert (replayed(first), replayed(again)) == (False, True)
    assert ok(patient.get("/v1/consultations"))["items"] == []
    assert book(patient, slot, new_key()).status_code == 201


def test_same_key_with_another_body_is_refused(doctor: Client, patient: Client) -> None:
    slot, key = doctor.publish(), new_key()
    ok(book(patient, slot, key), 201)
    answer = book(patient, slot, key, reason="Something else")
    problem(answer, 422, "TM203")
    assert places(answer) == ["Idempotency-Key"]
    problem(book(patient, doctor.publish(at(2)), key), 422, "TM203")


def test_key_belongs_to_one_account_and_one_operation(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    key = new_key()
    booked = ok(book(patient, doctor.publish(at(1)), key), 201)
    other = new_patient()
    second = ok(book(other, doctor.publish(at(2)), key), 201)
    assert second["patient_id"] == other.id
    answer = patient.post(f"/v1/consultations/{booked['id']}/cancel", {}, key=key)
    assert (answer.status_code, replayed(answer)) == (200, False)


def test_invalid_request_does_not_use_its_key(doctor: Client, patient: Client) -> None:
    slot, key = doctor.publish(), new_key()
    problem(book(patient, slot, key, reason=""), 422)
    problem(patient.post("/v1/consultations", {"slot_id": patient.id}, key=key), 404)
    ok(book(patient, slot, key), 201)


def test_retry_without_a_token_is_unauthorized(doctor: Client, patient: Client) -> None:
    slot, key = doctor.publish(), new_key()
    ok(book(patient, slot, key), 201)
    patient.token = ""
    problem(book(patient, slot, key), 401)


def test_bare_and_quoted_keys_are_equal(doctor: Client, patient: Client) -> None:
    slot = doctor.publish()
    first = ok(book(patient, slot, r"a\b c"), 201)
    again = book(patient, slot, r'"a\\b c"')
    assert (again.json(), replayed(again)) == (first, True)


@pytest.mark.parametrize("key", ["x", "~" * 255, '"' + "~" * 255 + '"', "a, b;c=d", '"\\""', '" "'])
def test_key_of_any_printable_characters_is_accepted(
    doctor: Client, patient: Client, key: str
) -> None:
    slot = doctor.publish()
    first = ok(book(patient, slot, key), 201)
    assert book(patient, slot, key).json() == first


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        '""',
        '"',
        '"open',
        '"shut"x',
        '"a";b=1',
        '"a\\b"',
        "x" * 256,
        "ü",
        "a\tb",
    ],
)
def test_missing_or_malformed_key_is_refused(
    doctor: Client, patient: Client, key: str | None
) -> None:
    body = {"slot_id": doctor.publish()["id"]}
    headers = {} if key is None else {"Idempotency-Key": key.encode()}
    answer = patient.send("POST", "/v1/consultations", json=body, headers=headers)
    refusal = problem(answer, 400)
    assert refusal["errors"][0]["header"] == "Idempotency-Key"
    assert ok(patient.get("/v1/consultations"))["items"] == []


def test_reschedule_with_a_key_is_replayed(doctor: Client, patient: Client) -> None:
    booked = patient.book(doctor.publish(at(1)))
    path, key = f"/v1/consultations/{booked['id']}/reschedule", new_key()
    body = {"slot_id": doctor.publish(at(2))["id"]}
    first = ok(patient.post(path, body, key=key))
    back = {"slot_id": booked["slot_id"]}
    ok(patient.post(path, back, key=new_key()))
    again = patient.post(path, body, key=key)
    assert (again.status_code, again.json(), replayed(again)) == (200, first, True)
    now = ok(patient.get(f"/v1/consultations/{booked['id']}"))
    assert now["slot_id"] == booked["slot_id"]


def test_payments_and_refunds_with_a_key_are_replayed(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    path, key = f"/v1/consultations/{booked['id']}/payments", new_key()
    body = {"amount_minor": 3000, "currency": "EUR", "method": "card"}
    payment = ok(admin.post(path, body, key=key), 201)
    again = admin.post(path, body, key=key)
    assert (again.status_code, again.json(), replayed(again)) == (201, payment, True)

    refunds = f"/v1/payments/{payment['id']}/refunds"
    key, body = new_key(), {"amount_minor": 2000}
    refund = ok(admin.post(refunds, body, key=key), 201)
    again = admin.post(refunds, body, key=key)
    assert (again.status_code, again.json(), replayed(again)) == (201, refund, True)
    assert len(ok(patient.get(path))["items"]) == 2

    refused_key = new_key()
    for expected in (False, True):
        answer = admin.post(refunds, body, key=refused_key)
        problem(answer, 409, "TM909")
        assert replayed(answer) is expected


def test_publishing_with_an_optional_key_is_replayed(doctor: Client) -> None:
    hours = {
        "from": at(1).date().isoformat(),
        "to": at(7).date().isoformat(),
        "weekdays": [1, 3],
        "start_time": "09:00",
        "end_time": "12:00",
        "slot_minutes": 30,
        "time_zone": "UTC",
    }
    one = {"starts_at": at(20).isoformat(), "ends_at": at(20, 10).isoformat()}
    holidays = {"starts_at": at(2).isoformat(), "ends_at": at(4).isoformat(), "reason": "Skiing"}
    for path, body in (
        ("/v1/slots", one),
        ("/v1/slots/recurring", hours),
        ("/v1/time-off", holidays),
    ):
        key = new_key()
        first = ok(doctor.post(path, body, key=key), 201)
        again = doctor.post(path, body, key=key)
        assert (again.status_code, again.json(), replayed(again)) == (201, first, True)
        other = {"ends_at": at(21).isoformat()} if "ends_at" in body else {"slot_minutes": 60}
        problem(doctor.post(path, body | other, key=key), 422, "TM203")


def test_completion_and_cancellation_with_an_optional_key_are_replayed(
    doctor: Client, patient: Client
) -> None:
    seen, missed = (patient.book(doctor.publish(at(day))) for day in (1, 2))
    prescription = {"items": [{"drug": "Ibuprofen", "dosage": "400 mg"}]}
    for caller, path, body, status in (
        (doctor, f"/v1/consultations/{seen['id']}/complete", {"notes": "Seen"}, 200),
        (doctor, f"/v1/consultations/{seen['id']}/prescriptions", prescription, 201),
        (patient, f"/v1/consultations/{missed['id']}/cancel", {"reason": "Ill"}, 200),
    ):
        key, refused_key = new_key(), new_key()
        first = ok(caller.post(path, body, key=key), status)
        again = caller.post(path, body, key=key)
        assert (again.status_code, again.json(), replayed(again)) == (status, first, True)
        problem(caller.post(path, body | {next(iter(body)): None}, key=key), 422)
        if status == 200:
            for expected in (False, True):
                answer = caller.post(path, body, key=refused_key)
                problem(answer, 409, "TM905")
                assert replayed(answer) is expected
    listed = ok(patient.get(f"/v1/consultations/{seen['id']}/prescriptions"))["items"]
    assert len(listed) == 1


def test_malformed_optional_key_is_refused(doctor: Client, patient: Client) -> None:
    path = f"/v1/consultations/{patient.book(doctor.publish())['id']}/cancel"
    for key in ("", '"', "x" * 256):
        refusal = problem(patient.send("POST", path, headers={"Idempotency-Key": key}), 400)
        assert refusal["errors"][0]["header"] == "Idempotency-Key"
    ok(patient.post(path))
    problem(patient.post(path), 409, "TM905")


def test_two_key_headers_are_refused(doctor: Client, patient: Client) -> None:
    body = f'{{"slot_id": "{doctor.publish()["id"]}"}}'.encode()
    sent = request(
        "POST",
        "/v1/consultations",
        f"Authorization: Bearer {patient.token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Idempotency-Key: a",
        "idempotency-key: a",
        "Connection: close",
        body=body,
    )
    with connect(patient.url) as connection:
        connection.sendall(sent)
        refusal = refused(everything(connection), 400)
    assert refusal["errors"][0]["header"] == "Idempotency-Key"
    assert ok(patient.get("/v1/consultations"))["items"] == []
