"""Closing accounts, and opening them again."""

from uuid import UUID

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.blueprint import Blueprint, refuses
from api.resources.me import User

blp = Blueprint("users", "Accounts as admins see them")


class Account(User):
    """A user as admins see one."""

    deactivated_at = fields.DateTime(
        allow_none=True, metadata={"description": "since when the account may not be used"}
    )


@blp.post("/admin/users/<uuid:user_id>/deactivate")
@signed_in("admin")
@refuses(409)
@blp.answers(200, Account)
def deactivate_user(user_id: UUID) -> bytes:
    """Close an account

    Its user is out from their next request on. A doctor's open slots are withdrawn; consultations
    that are booked stand. An account that is closed already stays as it is.
    """
    return db.call("deactivate_user", user_id=user_id)


@blp.post("/admin/users/<uuid:user_id>/activate")
@signed_in("admin")
@blp.answers(200, Account)
def activate_user(user_id: UUID) -> bytes:
    """Open an account again

    Its user may log in. Sessions that have ended, and slots that were withdrawn, stay so.
    """
    return db.call("activate_user", user_id=user_id)
