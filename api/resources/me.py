"""The account of the caller."""

import json

from marshmallow import fields

from api import db, password_hashing
from api.auth import ROLES, signed_in
from api.entity_tags import changes_version
from api.fields import (
    Choice,
    Day,
    Flag,
    Line,
    Matches,
    PageQuery,
    Patch,
    Prose,
    Request,
    Row,
    Text,
    page_of,
)
from api.routing import Arguments, Blueprint

blp = Blueprint("me", "The account of the caller")

NOTIFICATIONS = ("booked", "rescheduled", "cancelled", "reminder", "prescription", "payment")
READERS = (*ROLES, "dba")


class User(Row):
    """An account and its profile."""

    id = fields.UUID()
    email = fields.String()
    role = Choice("Role", ROLES)
    full_name = fields.String()
    phone = fields.String(allow_none=True)
    date_of_birth = fields.Date(allow_none=True)
    created_at = fields.DateTime()
    email_verified_at = fields.DateTime(
        allow_none=True, metadata={"description": "null while the address is not verified"}
    )
    language = fields.String(
        allow_none=True, metadata={"description": "preferred language (BCP 47)"}
    )
    time_zone = fields.String(allow_none=True, metadata={"description": "preferred IANA time zone"})
    mfa_confirmed_at = fields.DateTime(
        allow_none=True,
        metadata={"description": "since when a log-in requires a one-time code; null if none does"},
    )


class Profile(Patch):
    """A change of the profile (JSON merge patch, RFC 7396): null clears a field."""

    full_name = Line(metadata={"example": "Pat Patient"})
    phone = Text(
        allow_none=True,
        validate=Matches(r"^\+?[0-9][0-9 ().-]{4,30}$", error="This is not a telephone number."),
        metadata={"example": "+49 30 901820"},
    )
    date_of_birth = Day(allow_none=True, metadata={"example": "1980-02-29"})
    language = Text(
        allow_none=True,
        validate=Matches(
            r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$",
            error="This is not a language tag such as en or pt-BR.",
        ),
        metadata={"description": "a language tag (BCP 47)", "example": "pt-BR"},
    )
    time_zone = Line(
        allow_none=True,
        metadata={"description": "an IANA time zone", "example": "Europe/Lisbon"},
    )


class CurrentPassword(Request):
    """The password of the caller."""

    password = Prose(
        password_hashing.MAXIMUM_LENGTH,
        required=True,
        metadata={"format": "password"},
    )


class ReadOfMe(Row):
    """A read of data of the caller by somebody else, or of this list or an export by the caller."""

    id = fields.Integer()
    occurred_at = fields.DateTime()
    reader_name = fields.String(
        allow_none=True, metadata={"description": "null for a database administrator"}
    )
    reader_role = Choice(
        "ReaderRole",
        READERS,
        metadata={"description": "the role at that time; dba: a database administrator"},
    )
    operation = fields.String(metadata={"description": "the function of the database"})
    resource_ids = fields.List(
        fields.UUID(),
        metadata={"description": "consultations of the caller; the caller's id for the account"},
    )
    request_id = fields.String(allow_none=True)


class Notification(Row):
    """How the caller gets a kind of notification."""

    kind = Choice("NotificationKind", NOTIFICATIONS)
    by_email = fields.Boolean()
    by_sms = fields.Boolean()


class NotificationChange(Request):
    """A change for one kind of notification. A channel that is absent does not change."""

    kind = Choice(
        "NotificationKind", NOTIFICATIONS, required=True, metadata={"example": "reminder"}
    )
    by_email = Flag(metadata={"example": True})
    by_sms = Flag(metadata={"description": "needs a phone number to be sent", "example": True})


class DataExport(Row):
    """All that is stored about the caller."""

    exported_at = fields.DateTime()
    tables = fields.Dict(
        metadata={"description": "the rows of each table by its name, without secrets"}
    )


@blp.get("/me")
@signed_in()
@blp.answers(200, User)
def my_profile() -> bytes:
    """Read the caller's profile"""
    return db.call("my_profile")


@blp.patch("/me")
@signed_in()
@blp.body(Profile)
@changes_version
@blp.answers(200, User, minimal=True)
def update_my_profile(body: Arguments, versions: list[str] | None) -> bytes:
    """Change the caller's profile

    A JSON merge patch (RFC 7396): a field that is absent does not change, and null clears a field.
    If-Match has the ETag of the profile that the caller has read. Another device may have changed
    it meanwhile (412).
    """
    return db.call("update_my_profile", **body, versions=versions)


@blp.delete("/me")
@signed_in("patient")
@blp.body(CurrentPassword)
@blp.answers(204)
def close_my_account(body: Arguments) -> None:
    """Close the caller's account

    Requires the password. Consultations that have not begun are cancelled, and every session ends.
    The clinic keeps medical records, payments and logs as long as the law requires. Doctors and
    admins ask an admin.
    """
    db.run("close_my_account", password_hash=hash_of_caller(body["password"]))


@blp.get("/me/access-log")
@signed_in()
@blp.query(PageQuery)
@blp.answers(200, page_of(ReadOfMe))
def my_access_log(query: Arguments) -> bytes:
    """List who has read the caller's data

    The newest read first: consultations with their prescriptions and payments, and the account. It
    goes back three years or more (Regulation (EU) 2025/327, Article 9). Reading this list is
    recorded in it.
    """
    return db.page("my_access_log", **query)


@blp.get("/me/notifications")
@signed_in()
@blp.answers(200, page_of(Notification))
def my_notifications() -> bytes:
    """List the caller's notification preferences

    Messages about the account itself, such as a password reset, are always sent.
    """
    return db.items("my_notifications")


@blp.patch("/me/notifications")
@signed_in()
@blp.body(NotificationChange)
@blp.answers(200, Notification)
def update_my_notifications(body: Arguments) -> bytes:
    """Change one of the caller's notification preferences"""
    return db.call("update_my_notifications", **body)


@blp.get("/me/export")
@signed_in()
@blp.answers(200, DataExport)
def export_my_data() -> bytes:
    """Export all that is stored about the caller

    The export is recorded in the access log (Regulation (EU) 2016/679, Articles 15 and 20).
    """
    return db.call("export_my_data")


def hash_of_caller(password: str) -> str:
    """Hash a password with the setting of the caller's present hash, to compare the two."""
    # Two calls, as at log-in.
    with password_hashing.turn():
        setting: str = json.loads(db.call("my_password_salt"))
        return password_hashing.hash_with(password, setting)
