"""Figures of the clinic."""

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import Period, Row
from api.routing import Arguments, Blueprint

blp = Blueprint("analytics", "Figures of the clinic")


class Revenue(Row):
    """The money of one currency, in minor units."""

    currency = fields.String()
    paid_minor = fields.Integer()
    refunded_minor = fields.Integer()
    net_minor = fields.Integer()


class DailyMetrics(Row):
    """One day (UTC)."""

    day = fields.Date()
    consultations = fields.Integer()
    completed_consultations = fields.Integer()
    cancelled_consultations = fields.Integer()
    payments = fields.Integer()


class ClinicMetrics(Row):
    """The counts, the revenue and the days of an interval."""

    users = fields.Integer()
    patients = fields.Integer()
    doctors = fields.Integer()
    consultations = fields.Integer()
    scheduled_consultations = fields.Integer()
    completed_consultations = fields.Integer()
    cancelled_consultations = fields.Integer()
    payments = fields.Integer()
    refunds = fields.Integer()
    prescriptions = fields.Integer()
    revenue = fields.List(fields.Nested(Revenue))
    daily = fields.List(fields.Nested(DailyMetrics))


class MetricsQuery(Period):
    """The interval that is counted."""


@blp.get("/admin/analytics")
@signed_in("admin")
@blp.query(MetricsQuery)
@blp.answers(200, ClinicMetrics)
def clinic_analytics(query: Arguments) -> bytes:
    """Read the figures of the clinic"""
    return db.call("clinic_analytics", **query)
