"""Payments and refunds."""

from __future__ import annotations

import pytest

from tests.support.client import Client, at, new_key, ok, places, problem, race

CARD = {"amount_minor": 2000, "currency": "EUR", "method": "card"}
NOWHERE = "00000000-0000-4000-8000-000000000000"


def path(consultation: dict[str, object]) -> str:
    return f"/v1/consultations/{consultation['id']}/payments"


def refunds(payment: dict[str, object]) -> str:
    return f"/v1/payments/{payment['id']}/refunds"


def test_payments_in_parts_never_exceed_the_fee(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    body = CARD | {"provider_reference": "ch_123"}
    first = ok(admin.post(path(booked), body, key=new_key()), 201)
    assert (first["kind"], first["amount_minor"]) == ("payment", 2000)
    assert (first["method"], first["provider_reference"]) == ("card", "ch_123")
    problem(admin.post(path(booked), CARD | {"amount_minor": 3001}, key=new_key()), 409, "TM908")
    second = ok(admin.post(path(booked), CARD | {"amount_minor": 3000}, key=new_key()), 201)
    problem(admin.post(path(booked), CARD | {"amount_minor": 1}, key=new_key()), 409, "TM908")

    assert patient.pages(path(booked), limit=1) == [[first], [second]]


def test_patient_reads_payments_but_cannot_record_them(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    whole_fee = CARD | {"amount_minor": 5000, "method": "cash"}
    for person in (patient, doctor):
        problem(person.post(path(booked), whole_fee, key=new_key()), 403, "TM301")
    assert ok(patient.get(path(booked)))["items"] == []
    payment = admin.pay(booked, 5000)
    assert ok(patient.get(path(booked)))["items"] == [payment]


def test_provider_reference_is_recorded_once(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked, other = (patient.book(doctor.publish(at(day))) for day in (1, 2))
    body = CARD | {"provider": "acme", "provider_reference": "ch_once"}
    first = ok(admin.post(path(booked), body, key=new_key()), 201)
    assert (first["provider"], first["provider_reference"]) == ("acme", "ch_once")
    # The webhook and the redirect may report it, each under its own key.
    assert ok(admin.post(path(booked), body, key=new_key()), 201) == first
    problem(admin.post(path(other), body, key=new_key()), 409, "TM923")
    changed = body | {"amount_minor": 2001}
    problem(admin.post(path(booked), changed, key=new_key()), 409, "TM923")
    assert ok(patient.get(path(booked)))["items"] == [first]
    assert ok(patient.get(path(other)))["items"] == []
    ok(admin.post(path(other), body | {"provider": "other"}, key=new_key()), 201)
    alone = admin.post(path(other), CARD | {"provider": "acme"}, key=new_key())
    assert places(alone) == ["#/provider_reference"]


def test_provider_reference_reported_concurrently_is_recorded_once(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked, other = (patient.book(doctor.publish(at(day))) for day in (1, 2))
    body = CARD | {"provider": "acme", "provider_reference": "ch_race"}
    paths = [path(booked), path(other)] * 4
    answers = race([lambda p=p: admin.post(p, body, key=new_key()) for p in paths])
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(ids) == 1
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {problem(answer, 409)["code"] for answer in refused} == {"TM923"}
    assert len(refused) == 4


def test_refund_above_the_payment_is_refused(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    payment = admin.pay(booked, 5000)
    body = {"amount_minor": 3000, "reason": "Half of it"}
    refund = ok(admin.post(refunds(payment), body, key=new_key()), 201)
    assert (refund["kind"], refund["refunded_payment_id"]) == ("refund", payment["id"])
    assert (refund["currency"], refund["reason"]) == ("EUR", "Half of it")
    problem(admin.post(refunds(payment), {"amount_minor": 2001}, key=new_key()), 409, "TM909")
    ok(admin.post(refunds(payment), {"amount_minor": 2000}, key=new_key()), 201)
    problem(admin.post(refunds(payment), {"amount_minor": 1}, key=new_key()), 409, "TM909")
    problem(admin.post(refunds(refund), {"amount_minor": 1}, key=new_key()), 404, "TM404")


def test_cancelled_consultation_refuses_payments_and_accepts_refunds(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish(at(2)))
    payment = admin.pay(booked, 5000)
    ok(patient.post(f"/v1/consultations/{booked['id']}/cancel"))
    problem(admin.post(path(booked), CARD, key=new_key()), 409, "TM905")
    ok(admin.post(refunds(payment), {"amount_minor": 5000}, key=new_key()), 201)


def test_payment_in_another_currency_is_refused(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    answer = admin.post(path(booked), CARD | {"currency": "USD"}, key=new_key())
    problem(answer, 422, "TM205")
    assert places(answer) == ["#/currency"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"amount_minor": 0}, "#/amount_minor"),
        ({"amount_minor": -5}, "#/amount_minor"),
        ({"amount_minor": 20.0}, "#/amount_minor"),
        ({"amount_minor": True}, "#/amount_minor"),
        ({"amount_minor": "2000"}, "#/amount_minor"),
        ({"amount_minor": 1e3}, "#/amount_minor"),
        ({"amount_minor": 2**63}, "#/amount_minor"),
        ({"amount_minor": None}, "#/amount_minor"),
        ({"currency": "€"}, "#/currency"),
        ({"method": "Card"}, "#/method"),
        ({"method": "card\n"}, "#/method"),
        ({"method": "x" * 41}, "#/method"),
        ({"provider_reference": ""}, "#/provider_reference"),
        ({"provider": "Acme"}, "#/provider"),
        ({"provider": ""}, "#/provider"),
        ({"kind": "refund"}, "#/kind"),
    ],
)
def test_payment_with_an_invalid_field_is_refused(
    admin: Client, change: dict[str, object], place: str
) -> None:
    answer = admin.post(path({"id": NOWHERE}), CARD | change, key=new_key())
    assert set(places(answer)) == {place}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "#/amount_minor"),
        ({"amount_minor": 0}, "#/amount_minor"),
        ({"amount_minor": 1.5}, "#/amount_minor"),
        ({"amount_minor": 1, "currency": "EUR"}, "#/currency"),
        ({"amount_minor": 1, "reason": ""}, "#/reason"),
    ],
)
def test_refund_with_an_invalid_field_is_refused(
    admin: Client, body: dict[str, object], place: str
) -> None:
    answer = admin.post(refunds({"id": NOWHERE}), body, key=new_key())
    assert set(places(answer)) == {place}


def test_payment_without_a_key_is_refused(doctor: Client, patient: Client, admin: Client) -> None:
    booked = patient.book(doctor.publish())
    problem(admin.post(path(booked), CARD), 400)
    payment = admin.pay(booked, 1000)
    problem(admin.post(refunds(payment), {"amount_minor": 1}), 400)
