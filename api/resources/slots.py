"""Slots: publish, withdraw and find them."""

from uuid import UUID

from marshmallow import fields, validate

from api import db, examples
from api.auth import signed_in
from api.fields import (
    Choice,
    ClockTime,
    CurrencyExponent,
    Day,
    Hours,
    Language,
    Line,
    PageQuery,
    Period,
    Request,
    Row,
    Timestamp,
    Weekdays,
    Whole,
    absent,
    page_of,
)
from api.idempotency import idempotent
from api.openapi import example, refuses
from api.replicas import from_replica
from api.routing import Arguments, Blueprint

blp = Blueprint("slots", "Intervals that doctors offer")


class Slot(Row):
    """An interval that a doctor offers."""

    id = fields.UUID()
    doctor_id = fields.UUID()
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    status = Choice("SlotStatus", ("open", "booked", "withdrawn"))


class OfferedSlot(Slot):
    """An open slot, with its doctor and the fee."""

    doctor_name = fields.String()
    specialty = fields.String()
    fee_minor = fields.Integer(metadata={"description": "in minor units of currency"})
    currency = fields.String()
    currency_exponent = CurrencyExponent()


class NewSlot(Request):
    """A new slot."""

    starts_at = Timestamp(required=True)
    ends_at = Timestamp(required=True)


class WeeklyHours(Request):
    """Weekly local times, in the time zone of the doctor."""

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
        metadata={"description": "a time before start_time is on the next day", "example": "12:00"},
    )
    slot_minutes = Whole(5, 1440, required=True, metadata={"example": 30})
    time_zone = Line(
        load_default=None, metadata={"description": "IANA name; by default that of the doctor"}
    )


class SkippedSlot(Row):
    """A start for which no slot was published."""

    starts_at_local = fields.String(metadata={"description": "local time, without an offset"})
    reason = Choice(
        "SkipReason",
        (
            "no_such_local_time",
            "in_the_past",
            "already_published",
            "does_not_fit",
            "overlaps",
            "time_off",
        ),
        metadata={
            "description": (
                "no_such_local_time: the clocks skip it; already_published: the same slot exists; "
                "does_not_fit: the clocks skip an hour, and the slot would end after end_time; "
                "overlaps: another slot exists, or was published by this request"
            )
        },
    )
    starts_at = fields.DateTime(
        allow_none=True,
        metadata={
            "description": "distinguishes two starts with one local time; null if there is none"
        },
    )


class WeeklyPublication(Row):
    """The slots that were published, and the starts that were skipped."""

    items = fields.List(fields.Nested(Slot))
    skipped = fields.List(fields.Nested(SkippedSlot))


class PlannedSlot(Row):
    """An interval that is not published yet."""

    starts_at = fields.DateTime()
    ends_at = fields.DateTime()


class WeeklyPreview(Row):
    """The slots that would be published, and the starts that would be skipped."""

    items = fields.List(fields.Nested(PlannedSlot))
    skipped = fields.List(fields.Nested(SkippedSlot))


class OfferQuery(PageQuery, Period):
    """A selection of the open slots of all doctors."""

    specialty = Line(
        load_default=absent,
        metadata={"description": "the code or the whole name of a specialty"},
    )
    language = Language(load_default=absent)
    weekdays = Weekdays(load_default=absent)
    between = Hours(
        load_default=absent,
        metadata={
            "description": "only slots that start from the first time on and before the second; "
            "22:00-06:00 ends on the next day",
            "example": "17:00-20:00",
        },
    )
    time_zone = Line(
        load_default=absent,
        metadata={
            "description": "IANA name, whose clocks show weekdays and between: required for these",
            "example": "Europe/Berlin",
        },
    )


@blp.post("/slots")
@signed_in("doctor")
@blp.body(NewSlot)
@idempotent(key_required=False)
@blp.answers(201, Slot, location="/v1/slots/{id}", minimal=True)
def publish_slot(body: Arguments, idempotency_key: str | None) -> bytes:
    """Publish one slot"""
    return db.call("publish_slot", **body, idempotency_key=idempotency_key)


@blp.post("/slots/recurring")
@signed_in("doctor")
@blp.body(WeeklyHours)
@idempotent(key_required=False)
@blp.answers(201, WeeklyPublication, location="/v1/doctors/{caller}/slots")
def publish_weekly_slots(body: Arguments, idempotency_key: str | None) -> bytes:
    """Publish weekly slots

    09:00 stays 09:00 when the clocks change; a local hour that occurs twice is offered twice. If
    end_time is before start_time, it is on the next day. One request publishes at most 5000 slots.
    The same request again publishes only slots that are missing.
    """
    return db.call("publish_weekly_slots", **body, idempotency_key=idempotency_key)


@blp.post("/slots/recurring/preview")
@signed_in("doctor")
@blp.body(WeeklyHours)
@blp.answers(200, WeeklyPreview)
def preview_weekly_slots(body: Arguments) -> bytes:
    """Preview weekly slots

    What the publication of the same hours would publish and skip now. Nothing is written.
    """
    return db.call("preview_weekly_slots", **body)


@blp.get("/slots/<uuid:slot_id>")
@signed_in()
@blp.answers(200, Slot)
def get_slot(slot_id: UUID) -> bytes:
    """Read one slot

    An open slot, or one of the caller: a slot of the doctor, or a slot that the patient holds.
    """
    return db.call("get_slot", slot_id=slot_id)


@blp.delete("/slots/<uuid:slot_id>")
@signed_in("doctor")
@refuses(409)
@example(slot_id=examples.WITHDRAWN_SLOT)
@blp.answers(204)
def withdraw_slot(slot_id: UUID) -> None:
    """Withdraw an open slot"""
    db.run("withdraw_slot", slot_id=slot_id)


@blp.get("/slots")
@signed_in()
@blp.query(OfferQuery)
@from_replica
@blp.answers(200, page_of(OfferedSlot))
def find_open_slots(query: Arguments) -> bytes:
    """Find open slots of all doctors

    With weekdays or between, the search covers at most 62 days, from `from` or from now on.
    """
    return db.page("find_open_slots", **query)
