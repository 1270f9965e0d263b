"""Time off of doctors."""

from uuid import UUID

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import Prose, Request, Row, Timestamp, page_by, page_of
from api.idempotency import idempotent
from api.routing import Arguments, Blueprint

blp = Blueprint("time_off", "Intervals in which a doctor offers nothing")


class TimeOff(Row):
    """An interval in which a doctor offers nothing."""

    id = fields.UUID()
    doctor_id = fields.UUID()
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    reason = fields.String(allow_none=True)
    created_at = fields.DateTime()


class TimeOffTaken(TimeOff):
    """New time off, and the slots in it."""

    withdrawn_slot_ids = fields.List(fields.UUID())
    booked_consultation_ids = fields.List(
        fields.UUID(), metadata={"description": "still scheduled: cancel or keep them"}
    )


class NewTimeOff(Request):
    """An interval, and optionally the reason."""

    starts_at = Timestamp(required=True)
    ends_at = Timestamp(required=True)
    reason = Prose(load_default=None, metadata={"example": "Holiday"})


@blp.post("/time-off")
@signed_in("doctor")
@blp.body(NewTimeOff)
@idempotent(key_required=False)
@blp.answers(201, TimeOffTaken, location="/v1/time-off/{id}")
def take_time_off(body: Arguments, idempotency_key: str | None) -> bytes:
    """Take time off

    Open slots in it are withdrawn. Booked ones stay: the answer names their consultations.
    """
    return db.call("take_time_off", **body, idempotency_key=idempotency_key)


@blp.get("/time-off")
@signed_in("doctor")
@blp.query(page_by("created_at", "-created_at"))
@blp.answers(200, page_of(TimeOff))
def list_time_off(query: Arguments) -> bytes:
    """List the caller's time off"""
    return db.page("list_time_off", **query)


@blp.get("/time-off/<uuid:time_off_id>")
@signed_in("doctor")
@blp.answers(200, TimeOff)
def get_time_off(time_off_id: UUID) -> bytes:
    """Read one of the caller's intervals of time off"""
    return db.call("get_time_off", time_off_id=time_off_id)


@blp.delete("/time-off/<uuid:time_off_id>")
@signed_in("doctor")
@blp.answers(204)
def end_time_off(time_off_id: UUID) -> None:
    """End time off"""
    db.run("end_time_off", time_off_id=time_off_id)
