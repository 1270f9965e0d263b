"""Accounts: find, deactivate and activate them."""

from uuid import UUID

from marshmallow import fields

from api import db, examples
from api.auth import signed_in
from api.fields import Choice, Email, Flag, Order, PageQuery, Prose, Request, absent, page_of
from api.openapi import example, refuses
from api.resources.me import User
from api.routing import Arguments, Blueprint

blp = Blueprint("users", "Accounts as admins see them")

ROLES = ("admin", "doctor", "patient")
STATES = ("active", "deactivated")


class Account(User):
    """An account, as admins see one."""

    deactivated_at = fields.DateTime(
        allow_none=True, metadata={"description": "the time since which the account cannot be used"}
    )


class AccountQuery(PageQuery):
    """A selection of accounts."""

    email = Email(load_default=absent)
    role = Choice("Role", ROLES, load_default=absent)
    state = Choice("AccountState", STATES, load_default=absent)
    order = Order("-created_at", "created_at")


class Deactivation(Request):
    """How to deal with the consultations of the account."""

    cancel_consultations = Flag(
        load_default=False,
        metadata={
            "description": "cancel the scheduled ones that are not over, in the same step",
            "example": True,
        },
    )
    reason = Prose(
        load_default=None,
        metadata={
            "description": "the reason of the cancellations",
            "example": "The account is closed",
        },
    )


class ClosedAccount(Account):
    """A deactivated account and the consultations of its user."""

    booked_consultation_ids = fields.List(
        fields.UUID(), metadata={"description": "still scheduled: reschedule or cancel them"}
    )
    cancelled_consultation_ids = fields.List(
        fields.UUID(), metadata={"description": "cancelled with the account"}
    )


@blp.get("/admin/users")
@signed_in("admin")
@blp.query(AccountQuery)
@blp.answers(200, page_of(Account))
def list_users(query: Arguments) -> bytes:
    """List accounts

    `email` is a whole address. The access log records whose accounts were read.
    """
    return db.page("list_users", **query)


@blp.get("/admin/users/<uuid:user_id>")
@signed_in("admin")
@example(user_id=examples.OTHER_PATIENT)
@blp.answers(200, Account)
def get_user(user_id: UUID) -> bytes:
    """Read one account

    The access log records it.
    """
    return db.call("get_user", user_id=user_id)


@blp.post("/admin/users/<uuid:user_id>/deactivate")
@signed_in("admin")
@blp.body(Deactivation)
@refuses(409)
@example(user_id=examples.OTHER_PATIENT)
@blp.answers(200, ClosedAccount)
def deactivate_user(body: Arguments, user_id: UUID) -> bytes:
    """Deactivate an account

    The next request of its user is refused. Open slots of a doctor are withdrawn. The answer names
    the consultations that are still scheduled, of a doctor or of a patient; `cancel_consultations`
    cancels them in the same step. An account that is already deactivated does not change: send the
    request again to cancel the consultations that the first answer named.
    """
    return db.call("deactivate_user", user_id=user_id, **body)


@blp.post("/admin/users/<uuid:user_id>/activate")
@signed_in("admin")
@example(user_id=examples.OTHER_PATIENT)
@blp.answers(200, Account)
def activate_user(user_id: UUID) -> bytes:
    """Activate a deactivated account

    Its user can log in again. Ended sessions and withdrawn slots do not come back.
    """
    return db.call("activate_user", user_id=user_id)
