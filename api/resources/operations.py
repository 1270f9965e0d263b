"""The state of the system, for admins: the worker, its queue, the database, advice."""

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import Choice, Row, page_of
from api.routing import Blueprint

blp = Blueprint("operations", "The state of the system")

SEVERITIES = ("danger", "warning", "hint")


class QueueFigures(Row):
    """The jobs of one task."""

    task = fields.String(metadata={"example": "send_message"})
    due = fields.Integer(metadata={"description": "jobs that could run now", "example": 2})
    later = fields.Integer(metadata={"description": "jobs that wait for their time", "example": 41})
    running = fields.Integer(metadata={"description": "jobs that a worker has", "example": 1})
    dead = fields.Integer(metadata={"description": "jobs that were given up", "example": 0})
    lag_seconds = fields.Float(
        allow_none=True,
        metadata={"description": "how long the oldest due job has waited", "example": 0.4},
    )


class Figure(Row):
    """One figure."""

    figure = fields.String(
        metadata={
            "description": "what is measured, with its unit, as in the metrics of the worker",
            "example": "audit_seal_lag_seconds",
        }
    )
    subject = fields.String(
        metadata={"description": "what it is about, or an empty text", "example": ""}
    )
    value = fields.Float(metadata={"example": 12.5})


class SystemFigures(Row):
    """The worker, its queue and the database."""

    database_version = fields.String(metadata={"example": "15.15"})
    database_started_at = fields.DateTime(metadata={"example": "2027-02-01T04:00:12Z"})
    worker_heartbeat_at = fields.DateTime(
        allow_none=True,
        metadata={"description": "when a worker was last known to run; null if none is registered"},
    )
    queue = fields.List(fields.Nested(QueueFigures))
    figures = fields.List(fields.Nested(Figure))


class Advice(Row):
    """Something that should be changed."""

    severity = Choice(
        "AdviceSeverity",
        SEVERITIES,
        metadata={
            "description": "danger: data may be lost or exposed, or writing may stop; warning:"
            " something is wrong or will be; hint: something could be better",
            "example": "warning",
        },
    )
    subject = fields.String(metadata={"example": "dead jobs"})
    found = fields.String(metadata={"example": "3 jobs were given up"})
    advice = fields.String(metadata={"example": "find the cause in the log of the worker"})


@blp.get("/admin/system")
@signed_in("admin")
@blp.answers(200, SystemFigures)
def system_figures() -> bytes:
    """Read the state of the system"""
    return db.call("system_figures")


@blp.get("/admin/advice")
@signed_in("admin")
@blp.answers(200, page_of(Advice))
def list_advice() -> bytes:
    """List what should be changed

    Settings, roles, keys, the worker, backups, time zones, partitions, seals, webhooks, and the
    violations of invariants that the worker has found. An empty list is good.
    """
    return db.items("list_advice")
