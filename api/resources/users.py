"""Closing accounts, and opening them again."""

from uuid import UUID

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import Flag, Prose, Request
from api.openapi import refuses
from api.resources.me import User
from api.routing import Arguments, Blueprint

blp = Blueprint("users", "Accounts as admins see them")


class Account(User):
    """A user as admins see one."""

    deactivated_at = fields.DateTime(
        allow_none=True, metadata={"description": "since when the account may not be used"}
    )


class Deactivation(Request):
    """What becomes of the consultations."""

    cancel_consultations = Flag(
        load_default=False,
        metadata={"description": "cancel those that are not over yet, in the same step"},
    )
    reason = Prose(load_default=None, metadata={"description": "of the cancellations"})


class ClosedAccount(Account):
    """A closed account and the consultations of its user."""

    booked_consultation_ids = fields.List(
        fields.UUID(), metadata={"description": "still scheduled: move or cancel them"}
    )
    cancelled_consultation_ids = fields.List(
        fields.UUID(), metadata={"description": "cancelled with the account"}
    )


@blp.post("/admin/users/<uuid:user_id>/deactivate")
@signed_in("admin")
@blp.body(Deactivation)
@refuses(409)
@blp.answers(200, ClosedAccount)
def deactivate_user(body: Arguments, user_id: UUID) -> bytes:
    """Close an account

    Its user is out from their next request on. A doctor's open slots are withdrawn. Consultations
    that are booked, as a doctor or as a patient, are named in the answer; with
    `cancel_consultations` they are cancelled in the same step. An account that is closed already
    stays as it is: send the request again to cancel what was named.
    """
    return db.call("deactivate_user", user_id=user_id, **body)


@blp.post("/admin/users/<uuid:user_id>/activate")
@signed_in("admin")
@blp.answers(200, Account)
def activate_user(user_id: UUID) -> bytes:
    """Open an account again

    Its user may log in. Sessions that have ended, and slots that were withdrawn, stay so.
    """
    return db.call("activate_user", user_id=user_id)
