"""Doctors: onboarding, the list, and the open slots of one doctor."""

from uuid import UUID

from marshmallow import fields

from api import db, password_hashing
from api.auth import signed_in
from api.config import current
from api.fields import (
    Amount,
    Currency,
    Email,
    Line,
    PageQuery,
    Period,
    Row,
    absent,
    page_of,
)
from api.idempotency import idempotent
from api.resources.auth import ChoosesPassword
from api.resources.slots import Slot
from api.routing import Arguments, Blueprint

blp = Blueprint("doctors", "Doctors and their open slots")


class Doctor(Row):
    """A doctor, as every user sees one."""

    id = fields.UUID()
    full_name = fields.String()
    specialty = fields.String()
    time_zone = fields.String(metadata={"description": "IANA name"})
    fee_minor = fields.Integer(metadata={"description": "for one consultation, in minor units"})
    currency = fields.String(metadata={"description": "ISO 4217 code"})
    is_active = fields.Boolean(metadata={"description": "false if the account is deactivated"})


class NewDoctor(ChoosesPassword):
    """A new account of a doctor."""

    email = Email(required=True)
    full_name = Line(required=True, metadata={"example": "Dora Doctor"})
    specialty = Line(required=True, metadata={"example": "Dermatology"})
    time_zone = Line(
        required=True, metadata={"description": "IANA name", "example": "Europe/Berlin"}
    )
    fee_minor = Amount(0, required=True)
    currency = Currency(required=True)


class DoctorQuery(PageQuery):
    """A selection of doctors."""

    specialty = Line(
        load_default=absent, metadata={"description": "the whole name, case-insensitive"}
    )
    q = Line(load_default=absent, metadata={"description": "a part of the name of the doctor"})


class OpenSlotQuery(PageQuery, Period):
    """A selection of the open slots of a doctor."""


@blp.post("/admin/doctors")
@signed_in("admin")
@blp.body(NewDoctor)
@idempotent(key_required=False)
@blp.answers(201, Doctor)
def onboard_doctor(body: Arguments, idempotency_key: str | None) -> bytes:
    """Create a doctor's account"""
    with password_hashing.turn():
        password_hash = password_hashing.hash_password(body.pop("password"), current().bcrypt_cost)
    return db.call(
        "onboard_doctor", password_hash=password_hash, **body, idempotency_key=idempotency_key
    )


@blp.get("/doctors")
@signed_in()
@blp.query(DoctorQuery)
@blp.answers(200, page_of(Doctor))
def list_doctors(query: Arguments) -> bytes:
    """List doctors"""
    return db.page("list_doctors", **query)


@blp.get("/doctors/<uuid:doctor_id>")
@signed_in()
@blp.answers(200, Doctor)
def get_doctor(doctor_id: UUID) -> bytes:
    """Read one doctor"""
    return db.call("get_doctor", doctor_id=doctor_id)


@blp.get("/doctors/<uuid:doctor_id>/slots")
@signed_in()
@blp.query(OpenSlotQuery)
@blp.answers(200, page_of(Slot))
def list_open_slots(query: Arguments, doctor_id: UUID) -> bytes:
    """List a doctor's open slots"""
    return db.page("list_open_slots", doctor_id=doctor_id, **query)
