"""Analytics: counts, time and revenue of the clinic."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from api.resources.analytics import cell
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
    (day,) = ok(admin.get("/v1/admin/analytics", **query))["series"]
    assert day["starts_on"] == at(20).date().isoformat()
    assert (day["consultations"], day["completed_consultations"]) == (3, 1)


def test_overview_of_an_empty_period_has_zeros(admin: Client) -> None:
    query = {"from_": "1990-01-01T00:00:00Z", "to": "1991-01-01T00:00:00Z"}
    figures = ok(admin.get("/v1/admin/analytics", **query))
    assert [figures[name] for name in COUNTS] == [0] * len(COUNTS)
    lists = ("revenue", "series", "by_specialty", "by_doctor")
    assert [figures[name] for name in lists] == [[], [], [], []]
    assert (figures["offered_seconds"], figures["utilisation"]) == (0, None)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"from_": "yesterday"}, "from"),
        ({"from_": "2027-01-02T00:00:00Z", "to": "2027-01-01T00:00:00Z"}, "to"),
        ({"limit": 5}, "limit"),
        ({"bucket": "month"}, "bucket"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": "CET"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
    ],
)
def test_invalid_query_is_refused(admin: Client, query: dict[str, object], place: str) -> None:
    assert places(admin.get("/v1/admin/analytics", **query)) == [place]


def test_series_has_local_days_and_weeks(
    admin: Client, new_doctor: Callable[..., Client], new_patient: Callable[..., Client]
) -> None:
    doctor, patient = new_doctor(), new_patient()
    # 23:00 in UTC is the next day in Nairobi (+03:00), where no clock changes.
    late = at(300, 23)
    patient.book(doctor.publish(late))
    query = {"from_": late.isoformat(), "to": (late + timedelta(hours=1)).isoformat()}
    for time_zone, day in (("UTC", late), ("Africa/Nairobi", late + timedelta(days=1))):
        (row,) = ok(admin.get("/v1/admin/analytics", time_zone=time_zone, **query))["series"]
        assert (row["starts_on"], row["consultations"]) == (day.date().isoformat(), 1)
        weekly = admin.get("/v1/admin/analytics", time_zone=time_zone, bucket="week", **query)
        (week,) = ok(weekly)["series"]
        monday = day.date() - timedelta(days=day.weekday())
        assert (week["starts_on"], week["consultations"]) == (monday.isoformat(), 1)


def test_time_is_offered_and_booked_by_specialty_and_doctor(
    admin: Client, new_doctor: Callable[..., Client], new_patient: Callable[..., Client]
) -> None:
    specialty = f"Figures {new_key()[:8]}"
    # Written in another way, it is the same specialty.
    busy, idle = new_doctor(specialty=specialty), new_doctor(specialty=f"{specialty.upper()}.")
    booked = busy.publish(at(301, 9))
    new_patient().book(booked)
    for doctor, hour in ((busy, 10), (idle, 9), (idle, 10)):
        doctor.publish(at(301, hour))
    length = int((_instant(booked["ends_at"]) - _instant(booked["starts_at"])).total_seconds())
    query = {"from_": at(301, 0).isoformat(), "to": at(302, 0).isoformat()}
    figures = ok(admin.get("/v1/admin/analytics", **query))

    def time_of(name: str, **wanted: str) -> list[float | None]:
        (row,) = [r for r in figures[name] if wanted.items() <= r.items()]
        return [row["offered_seconds"], row["booked_seconds"], row["utilisation"]]

    assert time_of("by_doctor", doctor_id=busy.id) == [2 * length, length, 0.5]
    assert time_of("by_doctor", doctor_id=idle.id) == [2 * length, 0, 0]
    code = specialty.lower().replace(" ", "_")
    listed = {"specialty_code": code, "specialty": specialty}
    assert time_of("by_specialty", **listed) == [4 * length, length, 0.25]
    (row,) = [r for r in figures["by_doctor"] if r["doctor_id"] == idle.id]
    assert row["specialty"] == f"{specialty.upper()}."


def test_csv_has_the_figures_of_the_json(
    admin: Client, new_doctor: Callable[..., Client], new_patient: Callable[..., Client]
) -> None:
    doctor = new_doctor(full_name='=HYPERLINK("x"), Dr')
    consultation = new_patient().book(doctor.publish(at(303, 9)))
    admin.pay(consultation, 700)
    path, accept = "/v1/admin/analytics", {"Accept": "text/csv"}
    for query in ({}, {"bucket": "week"}):
        answer = admin.send("GET", path, params=query, headers=accept)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        figures = ok(admin.get(path, **query))
        header, *rows = csv.reader(io.StringIO(answer.content.decode(), newline=""))
        table = [dict(zip(header, row, strict=True)) for row in rows]
        groups = ["total"]
        groups += [query.get("bucket", "day")] * len(figures["series"])
        groups += ["specialty"] * len(figures["by_specialty"])
        groups += ["doctor"] * len(figures["by_doctor"])
        assert [row["group"] for row in table] == groups
        (total,) = [row for row in table if row["group"] == "total"]
        assert int(total["consultations"]) == figures["consultations"]
        for money in figures["revenue"]:
            assert int(total[f"net_minor_{money['currency']}"]) == money["net_minor"]
        (row,) = [row for row in table if row["key"] == doctor.id]
        # A spreadsheet would run the name as a formula.
        assert row["name"] == '\'=HYPERLINK("x"), Dr'
        assert (row["payments"], row["paid_minor_EUR"], row["net_minor_EUR"]) == ("1", "700", "700")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        *(("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(1)", "'@SUM(1)"), ("\t=1", "'\t=1")),
        *((" =1", "' =1"), ("\u00a0=1", "'\u00a0=1"), ("\uff1d1", "'\uff1d1")),
        *(("\uff20A", "'\uff20A"), ("Dr;=1", "Dr;'=1"), ("=1; =2", "'=1;' =2")),
        *(("", ""), ("Ana O'Neill-Smith", "Ana O'Neill-Smith"), ("A=B; C", "A=B; C")),
    ],
)
def test_name_that_a_spreadsheet_would_run_is_written_as_text(name: str, written: str) -> None:
    assert cell(name) == written


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("application/json;q=0.5, text/csv", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
    ],
)
def test_accept_chooses_the_media_type(admin: Client, accept: str, content_type: str) -> None:
    query = {"to": "1990-01-01T00:00:00Z"}
    headers = {"Accept": accept}
    answer = admin.send("GET", "/v1/admin/analytics", params=query, headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)


def test_refusal_to_a_request_for_csv_is_a_problem(admin: Client, patient: Client) -> None:
    accept = {"Accept": "text/csv"}
    answer = admin.send("GET", "/v1/admin/analytics", params={"bucket": "x"}, headers=accept)
    assert places(answer) == ["bucket"]
    refused = patient.send("GET", "/v1/admin/analytics", headers=accept)
    assert (refused.status_code, refused.json()["code"]) == (403, "TM301")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
