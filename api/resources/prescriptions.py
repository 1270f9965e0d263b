"""Prescriptions of completed consultations."""

from uuid import UUID

from marshmallow import fields, validate

from api import db
from api.auth import signed_in
from api.fields import Line, Prose, Request, Row, Whole, page_by, page_of
from api.idempotency import idempotent
from api.routing import Arguments, Blueprint

blp = Blueprint("prescriptions", "Prescriptions of completed consultations")


class PrescriptionItem(Row):
    """One medicine."""

    drug = fields.String()
    dosage = fields.String()
    instructions = fields.String(allow_none=True)
    duration_days = fields.Integer(allow_none=True)


class Prescription(Row):
    """A prescription. It never changes."""

    id = fields.UUID()
    consultation_id = fields.UUID()
    doctor_id = fields.UUID()
    patient_id = fields.UUID()
    items = fields.List(fields.Nested(PrescriptionItem))
    notes = fields.String(allow_none=True)
    issued_at = fields.DateTime()


class NewPrescriptionItem(Request):
    """One medicine and how to take it."""

    drug = Line(required=True, metadata={"example": "Ibuprofen"})
    dosage = Line(required=True, metadata={"example": "400 mg"})
    instructions = Prose(load_default=None, metadata={"example": "After meals"})
    duration_days = Whole(1, 3650, load_default=None, metadata={"example": 7})


class NewPrescription(Request):
    """A new prescription of 1 to 50 medicines."""

    items = fields.List(
        fields.Nested(NewPrescriptionItem), required=True, validate=validate.Length(1, 50)
    )
    notes = Prose(load_default=None, metadata={"example": "With water"})


@blp.post("/consultations/<uuid:consultation_id>/prescriptions")
@signed_in("doctor")
@blp.body(NewPrescription)
@idempotent(key_required=False)
@blp.answers(201, Prescription, location="/v1/prescriptions/{id}", minimal=True)
def issue_prescription(
    body: Arguments, consultation_id: UUID, idempotency_key: str | None
) -> bytes:
    """Issue a prescription

    Only for a completed consultation (409 otherwise) and only by its doctor.
    """
    return db.call(
        "issue_prescription",
        consultation_id=consultation_id,
        **body,
        idempotency_key=idempotency_key,
    )


@blp.get("/consultations/<uuid:consultation_id>/prescriptions")
@signed_in()
@blp.query(page_by("issued_at", "-issued_at"))
@blp.answers(200, page_of(Prescription))
def list_prescriptions(query: Arguments, consultation_id: UUID) -> bytes:
    """List the prescriptions of a consultation"""
    return db.page("list_prescriptions", consultation_id=consultation_id, **query)


@blp.get("/prescriptions/<uuid:prescription_id>")
@signed_in()
@blp.answers(200, Prescription)
def get_prescription(prescription_id: UUID) -> bytes:
    """Read one prescription"""
    return db.call("get_prescription", prescription_id=prescription_id)
