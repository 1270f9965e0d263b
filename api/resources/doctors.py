"""Doctors: onboarding, search, and the open slots of one doctor."""

from uuid import UUID

from marshmallow import fields, validate

from api import db, password_hashing
from api.auth import signed_in
from api.config import current
from api.entity_tags import changes_version
from api.fields import (
    BIGGEST_AMOUNT,
    Amount,
    Choice,
    Currency,
    CurrencyExponent,
    Day,
    Email,
    HttpsUrl,
    Language,
    Line,
    Order,
    PageQuery,
    Patch,
    Period,
    Prose,
    QueryNumber,
    Request,
    Row,
    Whole,
    absent,
    page_of,
)
from api.idempotency import idempotent
from api.replicas import from_replica
from api.resources.auth import ChoosesPassword
from api.resources.slots import Slot
from api.routing import Arguments, Blueprint

blp = Blueprint("doctors", "Doctors and their open slots")


class Doctor(Row):
    """A doctor, as every user sees one."""

    id = fields.UUID()
    full_name = fields.String()
    specialty = fields.String(metadata={"description": "in the words of the doctor"})
    time_zone = fields.String(metadata={"description": "IANA name"})
    fee_minor = fields.Integer(metadata={"description": "for one consultation, in minor units"})
    currency = fields.String(metadata={"description": "ISO 4217 code"})
    currency_exponent = CurrencyExponent()
    is_active = fields.Boolean(metadata={"description": "false if the account is deactivated"})
    specialty_code = fields.String(metadata={"description": "a code of the list of specialties"})
    languages = fields.List(fields.String(metadata={"description": "ISO 639-1 code"}))
    biography = fields.String(allow_none=True)
    practising_since = fields.Integer(allow_none=True, metadata={"description": "a year"})
    photo_url = fields.String(
        allow_none=True, metadata={"description": "an https address, which is never fetched"}
    )


class ListedDoctor(Doctor):
    """A doctor and the next free time."""

    next_free_at = fields.DateTime(
        allow_none=True,
        metadata={"description": "the start of the first open slot that has not begun"},
    )


class CalendarDay(Row):
    """A day of the calendar of a doctor."""

    day = fields.Date()
    open_slots = fields.Integer(metadata={"description": "how many open slots start on it"})
    first_starts_at = fields.DateTime(
        allow_none=True, metadata={"description": "the start of the first of them"}
    )


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
    languages = fields.List(
        Language(),
        load_default=list,
        validate=validate.Length(max=20),
        metadata={"description": "ISO 639-1 codes", "example": ["es", "en"]},
    )
    biography = Prose(load_default=absent, metadata={"example": "Born in Prague."})
    practising_since = Whole(
        1900, 9999, load_default=absent, metadata={"description": "a year", "example": 1998}
    )
    photo_url = HttpsUrl(
        load_default=absent,
        metadata={
            "description": "an https address, which is never fetched",
            "example": "https://clinic.example/photos/1.jpg",
        },
    )


class DoctorChange(Patch):
    """A change of a doctor (JSON merge patch, RFC 7396): null clears a field."""

    # The examples are a request of a doctor, so the fields of admins have none.
    specialty = Line(metadata={"description": "by an admin"})
    time_zone = Line(metadata={"description": "IANA name; by an admin"})
    fee_minor = Amount(0)
    currency = Currency(
        metadata={"description": "ISO 4217 code; by an admin, together with fee_minor"}
    )
    languages = fields.List(
        Language(),
        validate=validate.Length(max=20),
        metadata={
            "description": "ISO 639-1 codes, which replace the present ones",
            "example": ["es", "en"],
        },
    )
    biography = Prose(allow_none=True, metadata={"example": "Born in Prague."})
    practising_since = Whole(
        1900,
        9999,
        allow_none=True,
        metadata={"description": "a year; by an admin"},
    )
    photo_url = HttpsUrl(
        allow_none=True,
        metadata={
            "description": "an https address, which is never fetched",
            "example": "https://clinic.example/photos/1.jpg",
        },
    )


class DoctorQuery(PageQuery):
    """A selection of doctors."""

    specialty = Line(
        load_default=absent,
        metadata={"description": "the code or the whole name of a specialty"},
    )
    q = Line(
        load_default=absent,
        metadata={
            "description": "words of the name, the specialty or the languages (in English); parts "
            "of words and typing errors are accepted, case and accents do not matter",
            "example": "kral",
        },
    )
    language = Language(load_default=absent)
    max_fee_minor = QueryNumber(
        0,
        BIGGEST_AMOUNT,
        load_default=absent,
        metadata={"description": "the highest fee, in minor units of the doctor's own currency"},
    )
    sort = Choice(
        "DoctorSort",
        ("relevance", "next_free"),
        load_default=absent,
        metadata={
            "description": "relevance (by default): the best match of q first, without q the order "
            "in which the doctors joined; next_free: the earliest next_free_at first"
        },
    )


class CalendarQuery(Request):
    """Days of a calendar."""

    # The field is called `from`, which is a keyword of Python.
    from_ = Day(
        data_key="from",
        attribute="from",
        load_default=absent,
        metadata={"description": "the first day; by default today"},
    )
    to = Day(
        load_default=absent,
        metadata={
            "description": "the last day, at most 61 days after the first; by default 30 days after"
        },
    )
    time_zone = Line(
        load_default=absent,
        metadata={"description": "IANA name; by default that of the doctor"},
    )


class OpenSlotQuery(PageQuery, Period):
    """A selection of the open slots of a doctor."""

    order = Order("starts_at", "-starts_at")


@blp.post("/admin/doctors")
@signed_in("admin")
@blp.body(NewDoctor)
@idempotent(key_required=False)
@blp.answers(201, Doctor, location="/v1/doctors/{id}")
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
@from_replica
@blp.answers(200, page_of(ListedDoctor))
def list_doctors(query: Arguments) -> bytes:
    """List doctors"""
    return db.page("list_doctors", **query)


@blp.get("/doctors/<uuid:doctor_id>")
@signed_in()
@blp.answers(200, Doctor)
def get_doctor(doctor_id: UUID) -> bytes:
    """Read one doctor

    Without the next free time, so that a booking does not change the ETag: it is in the list of
    doctors, in the list of the doctor's open slots and in the doctor's calendar.
    """
    return db.call("get_doctor", doctor_id=doctor_id)


@blp.patch("/doctors/<uuid:doctor_id>")
@signed_in("doctor", "admin")
@blp.body(DoctorChange)
@changes_version
@blp.answers(200, Doctor, minimal=True)
def update_doctor(body: Arguments, doctor_id: UUID, versions: list[str] | None) -> bytes:
    """Change a doctor

    Doctors change their own fee, languages, biography and photo; admins change every field of
    every doctor. A new fee is that of later bookings. A JSON merge patch (RFC 7396): a field that
    is absent does not change, and null clears a field. If-Match has the ETag of the doctor that the
    caller has read (412 if it has changed since).
    """
    return db.call("update_doctor", doctor_id=doctor_id, **body, versions=versions)


@blp.get("/doctors/<uuid:doctor_id>/slots")
@signed_in()
@blp.query(OpenSlotQuery)
@from_replica
@blp.answers(200, page_of(Slot))
def list_open_slots(query: Arguments, doctor_id: UUID) -> bytes:
    """List a doctor's open slots"""
    return db.page("list_open_slots", doctor_id=doctor_id, **query)


@blp.get("/doctors/<uuid:doctor_id>/calendar")
@signed_in()
@blp.query(CalendarQuery)
@from_replica
@blp.answers(200, page_of(CalendarDay))
def doctor_calendar(query: Arguments, doctor_id: UUID) -> bytes:
    """Read the days of a doctor with open slots

    For the view of a month: one item for each day, also for a day without open slots. Days are
    those of clocks in time_zone.
    """
    return db.items("doctor_calendar", doctor_id=doctor_id, **query)
