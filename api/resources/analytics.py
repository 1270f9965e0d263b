"""Figures of the clinic."""

import csv
import io
import json
import re
from typing import Any

from flask import request
from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import Choice, CurrencyExponent, Line, Period, Row
from api.openapi import also_answers
from api.parsing import JSON_TYPE
from api.routing import Answer, Arguments, Blueprint

blp = Blueprint("analytics", "Figures of the clinic")

CSV_TYPE = "text/csv; charset=utf-8"
BUCKETS = ("day", "week")
COUNTS = (
    *("consultations", "scheduled_consultations", "completed_consultations"),
    *("cancelled_consultations", "offered_seconds", "booked_seconds", "utilisation"),
    *("payments", "refunds"),
)
AMOUNTS = ("paid_minor", "refunded_minor", "net_minor")
# A spreadsheet reads a cell that begins with one of these signs, also in full width, as a formula.
# In many countries a semicolon begins a new cell.
FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])")


class Revenue(Row):
    """The money of one currency, in minor units."""

    currency = fields.String()
    currency_exponent = CurrencyExponent()
    paid_minor = fields.Integer()
    refunded_minor = fields.Integer()
    net_minor = fields.Integer()


class Figures(Row):
    """What happened in a period, or with a doctor."""

    consultations = fields.Integer()
    scheduled_consultations = fields.Integer()
    completed_consultations = fields.Integer()
    cancelled_consultations = fields.Integer()
    offered_seconds = fields.Integer(
        metadata={"description": "the length of the slots that are open or booked"}
    )
    booked_seconds = fields.Integer(metadata={"description": "the length of the booked slots"})
    utilisation = fields.Float(
        allow_none=True,
        metadata={
            "description": "booked by offered time, from 0 to 1, with four decimals; null if"
            " nothing is offered"
        },
    )
    payments = fields.Integer()
    refunds = fields.Integer()
    revenue = fields.List(fields.Nested(Revenue))


class PeriodMetrics(Figures):
    """A local day, or a week from its Monday on, in which something happened."""

    starts_on = fields.Date()


class SpecialtyMetrics(Figures):
    """The doctors who have a specialty now."""

    specialty_code = fields.String(metadata={"description": "a code of the list of specialties"})
    specialty = fields.String(metadata={"description": "the name in the list of specialties"})


class DoctorMetrics(Figures):
    """One doctor."""

    doctor_id = fields.UUID()
    doctor_name = fields.String()
    specialty = fields.String()


class ClinicMetrics(Figures):
    """The figures of an interval: all of them, by time, by specialty and by doctor."""

    users = fields.Integer()
    patients = fields.Integer()
    doctors = fields.Integer()
    prescriptions = fields.Integer()
    series = fields.List(fields.Nested(PeriodMetrics))
    by_specialty = fields.List(fields.Nested(SpecialtyMetrics))
    by_doctor = fields.List(fields.Nested(DoctorMetrics))


class MetricsQuery(Period):
    """The interval that is counted, and the periods of the series."""

    bucket = Choice("Bucket", BUCKETS, load_default=BUCKETS[0])
    time_zone = Line(
        load_default="UTC",
        metadata={"description": "IANA name: where days begin", "example": "Europe/Berlin"},
    )


@blp.get("/admin/analytics")
@signed_in("admin")
@blp.query(MetricsQuery)
@also_answers("text/csv")
@blp.answers(200, ClinicMetrics)
def clinic_analytics(query: Arguments) -> bytes | Answer:
    """Read the figures of the clinic

    Consultations and slots count at their start, payments at their recording. With
    `Accept: text/csv` the answer is a table: one line for the whole interval, for each day or week,
    for each specialty and for each doctor, with columns for each currency. Amounts are in minor
    units.
    """
    body = db.call("clinic_analytics", **query)
    if request.accept_mimetypes.best_match((JSON_TYPE, "text/csv"), JSON_TYPE) == JSON_TYPE:
        return body
    return Answer(table(json.loads(body), query["bucket"]), 200, content_type=CSV_TYPE)


def table(metrics: dict[str, Any], bucket: str) -> bytes:
    """The figures as CSV (RFC 4180): the columns of each currency come last."""
    currencies = [money["currency"] for money in metrics["revenue"]]
    rows: list[tuple[str, str, str, dict[str, Any]]] = [("total", "", "", metrics)]
    rows += ((bucket, row["starts_on"], "", row) for row in metrics["series"])
    rows += (
        ("specialty", row["specialty_code"], row["specialty"], row)
        for row in metrics["by_specialty"]
    )
    rows += (("doctor", row["doctor_id"], row["doctor_name"], row) for row in metrics["by_doctor"])
    text = io.StringIO()
    writer = csv.writer(text)
    money_columns = (f"{amount}_{currency}" for currency in currencies for amount in AMOUNTS)
    writer.writerow(("group", "key", "name", *COUNTS, *money_columns))
    for group, key, name, row in rows:
        money = {entry["currency"]: entry for entry in row["revenue"]}
        amounts = (
            money.get(currency, {}).get(amount, 0) for currency in currencies for amount in AMOUNTS
        )
        writer.writerow((group, cell(key), cell(name), *(row[c] for c in COUNTS), *amounts))
    return text.getvalue().encode()


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return FORMULA.sub(r"\1'", text)
