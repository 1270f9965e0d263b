"""Payments and refunds."""

from __future__ import annotations

import pytest

from tests.client import Client, at, new_key, ok, places, problem

CARD = {"amount_minor": 2000, "currency": "EUR", "method": "card"}
NOWHERE = "00000000-0000-4000-8000-000000000000"


def path(consultation: dict[str, object]) -> str:
    return f"/v1/consultations/{consultation['id']}/payments"


def refunds(payment: dict[str, object]) -> str:
    return f"/v1/payments/{payment['id']}/refunds"


def test_a_patient_pays_in_parts_but_never_more_than_the_fee(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    body = CARD | {"provider_reference": "ch_123"}
    first = ok(patient.post(path(booked), body, key=new_key()), 201)
    assert (first["kind"], first["amount_minor"]) == ("payment", 2000)
    assert (first["method"], first["provider_reference"]) == ("card", "ch_123")
    problem(patient.post(path(booked), CARD | {"amount_minor": 3001}, key=new_key()), 409, "TM908")
    second = ok(admin.post(path(booked), CARD | {"amount_minor": 3000}, key=new_key()), 201)
    problem(patient.post(path(booked), CARD | {"amount_minor": 1}, key=new_key()), 409, "TM908")

    page = ok(patient.get(path(booked), limit=1))
    rest = ok(patient.get(path(booked), limit=1, cursor=page["next_cursor"]))
    assert page["items"] + rest["items"] == [first, second]


def test_a_refund_is_never_above_what_was_captured(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    payment = patient.pay(booked, 5000)
    body = {"amount_minor": 3000, "reason": "Half of it"}
    refund = ok(admin.post(refunds(payment), body, key=new_key()), 201)
    assert (refund["kind"], refund["refunded_payment_id"]) == ("refund", payment["id"])
    assert (refund["currency"], refund["reason"]) == ("EUR", "Half of it")
    problem(admin.post(refunds(payment), {"amount_minor": 2001}, key=new_key()), 409, "TM909")
    ok(admin.post(refunds(payment), {"amount_minor": 2000}, key=new_key()), 201)
    problem(admin.post(refunds(payment), {"amount_minor": 1}, key=new_key()), 409, "TM909")
    problem(admin.post(refunds(refund), {"amount_minor": 1}, key=new_key()), 404, "TM404")


def test_a_cancelled_consultation_takes_no_payment_but_is_refunded(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish(at(2)))
    payment = patient.pay(booked, 5000)
    ok(patient.post(f"/v1/consultations/{booked['id']}/cancel"))
    problem(patient.post(path(booked), CARD, key=new_key()), 409, "TM905")
    ok(admin.post(refunds(payment), {"amount_minor": 5000}, key=new_key()), 201)


def test_another_currency_is_refused(doctor: Client, patient: Client) -> None:
    booked = patient.book(doctor.publish())
    answer = patient.post(path(booked), CARD | {"currency": "USD"}, key=new_key())
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
        ({"kind": "refund"}, "#/kind"),
    ],
)
def test_a_payment_that_cannot_be_right_is_refused(
    patient: Client, change: dict[str, object], place: str
) -> None:
    answer = patient.post(path({"id": NOWHERE}), CARD | change, key=new_key())
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
def test_a_refund_that_cannot_be_right_is_refused(
    admin: Client, body: dict[str, object], place: str
) -> None:
    answer = admin.post(refunds({"id": NOWHERE}), body, key=new_key())
    assert set(places(answer)) == {place}


def test_a_payment_needs_a_key(doctor: Client, patient: Client, admin: Client) -> None:
    booked = patient.book(doctor.publish())
    problem(patient.post(path(booked), CARD), 400)
    payment = patient.pay(booked, 1000)
    problem(admin.post(refunds(payment), {"amount_minor": 1}), 400)
