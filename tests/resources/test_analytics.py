"""Analytics: counts and revenue of the clinic."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.client import Client, at, new_key, ok, places

COUNTS = (
    *("users", "patients", "doctors", "consultations", "scheduled_consultations"),
    *("completed_consultations", "cancelled_consultations", "payments", "refunds"),
    "prescriptions",
)


def test_overview_counts_what_happened_in_the_period(
    admin: Client, new_doctor: Callable[..., Client], new_patient: Callable[..., Client]
) -> None:
    before = ok(admin.get("/v1/admin/analytics"))
    doctor, patient = new_doctor(currency="SEK"), new_patient()
    booked = [patient.book(doctor.publish(at(20, hour))) for hour in (9, 10, 11)]
    doctor.complete(booked[0])
    ok(patient.post(f"/v1/consultations/{booked[1]['id']}/cancel"))
    drugs = {"items": [{"drug": "Aspirin", "dosage": "100 mg"}]}
    ok(doctor.post(f"/v1/consultations/{booked[0]['id']}/prescriptions", drugs), 201)
    pay = {"amount_minor": 5000, "currency": "SEK", "method": "card"}
    path = f"/v1/consultations/{booked[0]['id']}/payments"
    payment = ok(admin.post(path, pay, key=new_key()), 201)
    refund = {"amount_minor": 1500}
    ok(admin.post(f"/v1/payments/{payment['id']}/refunds", refund, key=new_key()), 201)

    after = ok(admin.get("/v1/admin/analytics"))
    difference = {name: after[name] - before[name] for name in COUNTS}
    assert difference == {
        "users": 2,
        "patients": 1,
        "doctors": 1,
        "consultations": 3,
        "scheduled_consultations": 1,
        "completed_consultations": 1,
        "cancelled_consultations": 1,
        "payments": 1,
        "refunds": 1,
        "prescriptions": 1,
    }
    kronor = next(row for row in after["revenue"] if row["currency"] == "SEK")
    assert (kronor["paid_minor"], kronor["refunded_minor"], kronor["net_minor"]) == (
        5000,
        1500,
        3500,
    )

    query = {"from_": at(20, 0).isoformat(), "to": at(21, 0).isoformat()}
    (day,) = ok(admin.get("/v1/admin/analytics", **query))["daily"]
    assert day["day"] == at(20).date().isoformat()
    assert (day["consultations"], day["completed_consultations"]) == (3, 1)


def test_overview_of_an_empty_period_has_zeros(admin: Client) -> None:
    query = {"from_": "1990-01-01T00:00:00Z", "to": "1991-01-01T00:00:00Z"}
    figures = ok(admin.get("/v1/admin/analytics", **query))
    assert [figures[name] for name in COUNTS] == [0] * len(COUNTS)
    assert (figures["revenue"], figures["daily"]) == ([], [])


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"from_": "yesterday"}, "from"),
        ({"from_": "2027-01-02T00:00:00Z", "to": "2027-01-01T00:00:00Z"}, "to"),
        ({"limit": 5}, "limit"),
    ],
)
def test_invalid_time_is_refused(admin: Client, query: dict[str, object], place: str) -> None:
    assert places(admin.get("/v1/admin/analytics", **query)) == [place]
