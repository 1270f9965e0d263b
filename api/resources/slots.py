"""Slots: publishing, withdrawing and finding them."""

from uuid import UUID

from marshmallow import fields, validate

from api import db
from api.auth import signed_in
from api.fields import (
    ClockTime,
    Day,
    Line,
    PageQuery,
    Period,
    Request,
    Row,
    Timestamp,
    Whole,
    absent,
    page_of,
)
from api.idempotency import idempotent
from api.openapi import refuses
from api.routing import Arguments, Blueprint

blp = Blueprint("slots", "Time that doctors offer")


class Slot(Row):
    """A time that a doctor offers."""

    id = fields.UUID()
    doctor_id = fields.UUID()
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    status = fields.String(validate=validate.OneOf(["open", "booked", "withdrawn"]))


class OfferedSlot(Slot):
    """An open slot with what a patient chooses by."""

    doctor_name = fields.String()
    specialty = fields.String()
    fee_minor = fields.Integer(metadata={"description": "in minor units of currency"})
    currency = fields.String()


class NewSlot(Request):
    """One slot."""

    starts_at = Timestamp(required=True)
    ends_at = Timestamp(required=True)


class WeeklyHours(Request):
    """Hours that come back every week, on the doctor's own clock."""

    from_ = Day(data_key="from", attribute="from", required=True)
    to = Day(required=True, metadata={"description": "the last day"})
    weekdays = fields.List(
        Whole(1, 7),
        required=True,
        validate=validate.Length(1, 7),
        metadata={"description": "1 is Monday, 7 is Sunday (ISO 8601)", "example": [1, 3, 5]},
    )
    start_time = ClockTime(required=True)
    end_time = ClockTime(
        required=True,
        metadata={"description": "before start_time: on the next day", "example": "12:00"},
    )
    slot_minutes = Whole(5, 1440, required=True, metadata={"example": 30})
    time_zone = Line(load_default=None, metadata={"description": "IANA name; else the doctor's"})


class SkippedSlot(Row):
    """A time for which no slot was added."""

    starts_at_local = fields.String(metadata={"description": "on the doctor's clock, no offset"})
    reason = fields.String(
        validate=validate.OneOf(
            [
                "no_such_local_time",
                "in_the_past",
                "already_published",
                "does_not_fit",
                "overlaps",
                "time_off",
            ]
        ),
        metadata={
            "description": (
                "no_such_local_time: clocks are put forward over it; already_published: the same "
                "slot is there; does_not_fit: clocks are put forward, and the hours end before "
                "the slot does; overlaps: a slot that is there, or was published just now"
            )
        },
    )
    starts_at = fields.DateTime(
        allow_none=True,
        metadata={"description": "tells two starts with one local time; null if there is none"},
    )


class WeeklyPublication(Row):
    """What was added and what was not."""

    items = fields.List(fields.Nested(Slot))
    skipped = fields.List(fields.Nested(SkippedSlot))


class OfferQuery(PageQuery, Period):
    """Which open slots of all doctors."""

    specialty = Line(load_default=absent, metadata={"description": "the whole name, in any case"})


@blp.post("/slots")
@signed_in("doctor")
@blp.body(NewSlot)
@idempotent(key_required=False)
@blp.answers(201, Slot)
def publish_slot(body: Arguments, idempotency_key: str | None) -> bytes:
    """Publish one slot"""
    return db.call("publish_slot", **body, idempotency_key=idempotency_key)


@blp.post("/slots/recurring")
@signed_in("doctor")
@blp.body(WeeklyHours)
@idempotent(key_required=False)
@blp.answers(201, WeeklyPublication)
def publish_weekly_slots(body: Arguments, idempotency_key: str | None) -> bytes:
    """Publish weekly hours

    09:00 stays 09:00 when the clocks change; an hour that they show twice is offered twice.
    Hours whose end is before their start go on to the next day. At most 5000 slots are added.
    Asking again adds only what is missing.
    """
    return db.call("publish_weekly_slots", **body, idempotency_key=idempotency_key)


@blp.delete("/slots/<uuid:slot_id>")
@signed_in("doctor")
@refuses(409)
@blp.answers(204)
def withdraw_slot(slot_id: UUID) -> None:
    """Withdraw an open slot"""
    db.run("withdraw_slot", slot_id=slot_id)


@blp.get("/slots")
@signed_in()
@blp.query(OfferQuery)
@blp.answers(200, page_of(OfferedSlot))
def find_open_slots(query: Arguments) -> bytes:
    """Find open slots of all doctors"""
    return db.page("find_open_slots", **query)
