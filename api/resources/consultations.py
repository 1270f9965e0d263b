"""Consultations: booking, transitions and history."""

from uuid import UUID

from marshmallow import fields

from api import db, examples
from api.auth import signed_in
from api.fields import (
    Choice,
    CurrencyExponent,
    Order,
    PageQuery,
    Period,
    Prose,
    Request,
    Row,
    Uuid,
    absent,
    page_by,
    page_of,
)
from api.idempotency import idempotent
from api.openapi import example, refuses
from api.routing import Arguments, Blueprint

blp = Blueprint("consultations", "Booking of slots, transitions and history")

STATUSES = SCHEDULED, COMPLETED, CANCELLED = ("scheduled", "completed", "cancelled")


class Consultation(Row):
    """A patient's booking of a doctor's slot."""

    id = fields.UUID()
    slot_id = fields.UUID()
    doctor_id = fields.UUID()
    doctor_name = fields.String()
    patient_id = fields.UUID()
    patient_name = fields.String()
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    status = Choice("ConsultationStatus", STATUSES)
    reason = fields.String(allow_none=True)
    notes = fields.String(allow_none=True, metadata={"description": "notes of the doctor"})
    cancellation_reason = fields.String(allow_none=True)
    fee_minor = fields.Integer(metadata={"description": "at the time of booking, in minor units"})
    currency = fields.String()
    currency_exponent = CurrencyExponent()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class ConsultationEvent(Row):
    """One transition of a consultation."""

    id = fields.Integer()
    occurred_at = fields.DateTime()
    event = Choice("Transition", ("booked", "rescheduled", "completed", "cancelled"))
    user_id = fields.UUID(allow_none=True)
    role = fields.String(allow_none=True, metadata={"description": "role of the user"})
    status = Choice("ConsultationStatus", STATUSES)
    slot_id = fields.UUID()
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()


class Booking(Request):
    """A slot, and the reason for the consultation."""

    slot_id = Uuid(required=True)
    reason = Prose(load_default=None, metadata={"example": "A rash"})


class Completion(Request):
    """The notes of the doctor."""

    notes = Prose(load_default=None, metadata={"example": "Rest and tea"})


class Cancellation(Request):
    """The reason of a cancellation."""

    reason = Prose(load_default=None, metadata={"example": "Healthy again"})


class Rescheduling(Request):
    """Another open slot of the same doctor."""

    slot_id = Uuid(required=True)


class ConsultationQuery(PageQuery, Period):
    """A selection of the caller's consultations; for admins, of all consultations."""

    status = Choice("ConsultationStatus", STATUSES, load_default=absent)
    doctor_id = Uuid(load_default=absent, metadata={"description": "only those of this doctor"})
    patient_id = Uuid(load_default=absent, metadata={"description": "only those of this patient"})
    order = Order("-starts_at", "starts_at")


@blp.post("/consultations")
@signed_in("patient")
@blp.body(Booking)
@idempotent(key_required=True)
@refuses(404)
@example(slot_id=examples.OPEN_SLOT, id=examples.BOOKED, status=SCHEDULED, notes=None)
@blp.answers(201, Consultation, location="/v1/consultations/{id}", minimal=True)
def book_consultation(body: Arguments, idempotency_key: str) -> bytes:
    """Book an open slot

    409 if the slot is taken, or if the patient has another consultation at that time.
    """
    return db.call("book_consultation", **body, idempotency_key=idempotency_key)


@blp.get("/consultations")
@signed_in()
@blp.query(ConsultationQuery)
@blp.answers(200, page_of(Consultation))
def list_consultations(query: Arguments) -> bytes:
    """List the caller's consultations

    Those of the patient or of the doctor. Admins get all consultations. The next appointment of a
    patient: `?status=scheduled&from=<now>&order=starts_at&limit=1`.
    """
    return db.page("list_consultations", **query)


@blp.get("/consultations/<uuid:consultation_id>")
@signed_in()
@blp.answers(200, Consultation)
def get_consultation(consultation_id: UUID) -> bytes:
    """Read one consultation"""
    return db.call("get_consultation", consultation_id=consultation_id)


@blp.post("/consultations/<uuid:consultation_id>/complete")
@signed_in("doctor")
@blp.body(Completion)
@idempotent(key_required=False)
@example(consultation_id=examples.BEGUN, id=examples.BEGUN, notes="Rest and tea")
@blp.answers(200, Consultation)
def complete_consultation(
    body: Arguments, consultation_id: UUID, idempotency_key: str | None
) -> bytes:
    """Complete a consultation

    Possible from 15 minutes before its start (409 earlier). A completed consultation cannot change.
    """
    return db.call(
        "complete_consultation",
        consultation_id=consultation_id,
        **body,
        idempotency_key=idempotency_key,
    )


@blp.post("/consultations/<uuid:consultation_id>/cancel")
@signed_in()
@blp.body(Cancellation)
@idempotent(key_required=False)
@example(
    consultation_id=examples.CANCELLED,
    id=examples.CANCELLED,
    status=CANCELLED,
    notes=None,
    cancellation_reason="Healthy again",
)
@blp.answers(200, Consultation)
def cancel_consultation(
    body: Arguments, consultation_id: UUID, idempotency_key: str | None
) -> bytes:
    """Cancel a consultation

    Its slot is open again. A patient can cancel until the start.
    """
    return db.call(
        "cancel_consultation",
        consultation_id=consultation_id,
        **body,
        idempotency_key=idempotency_key,
    )


@blp.post("/consultations/<uuid:consultation_id>/reschedule")
@signed_in("patient")
@blp.body(Rescheduling)
@idempotent(key_required=True)
@example(
    consultation_id=examples.RESCHEDULED,
    id=examples.RESCHEDULED,
    slot_id=examples.LATER_SLOT,
    status=SCHEDULED,
    notes=None,
)
@blp.answers(200, Consultation)
def reschedule_consultation(body: Arguments, consultation_id: UUID, idempotency_key: str) -> bytes:
    """Move a consultation to another slot of its doctor

    In one step: the new slot is booked and the old one is open again, or nothing changes.
    """
    return db.call(
        "reschedule_consultation",
        consultation_id=consultation_id,
        **body,
        idempotency_key=idempotency_key,
    )


@blp.get("/consultations/<uuid:consultation_id>/history")
@signed_in()
@blp.query(page_by("occurred_at", "-occurred_at"))
@blp.answers(200, page_of(ConsultationEvent))
def consultation_history(query: Arguments, consultation_id: UUID) -> bytes:
    """List the transitions of a consultation"""
    return db.page("consultation_history", consultation_id=consultation_id, **query)
