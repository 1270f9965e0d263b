"""The e-mail address of the caller: verification and change."""

import json

from api import db, delivery
from api.auth import signed_in
from api.fields import Email, Line, Request
from api.openapi import refuses
from api.resources.me import CurrentPassword, User, hash_of_caller
from api.routing import Arguments, Blueprint

blp = Blueprint("emails", "The e-mail address of the caller")


class EmailChange(CurrentPassword):
    """The new address, and the password of the caller."""

    email = Email(required=True)


class EmailToken(Request):
    """The token from the message."""

    token = Line(required=True, metadata={"example": "A" * 43})


@blp.post("/me/email")
@signed_in()
@blp.body(EmailChange)
@refuses(409)
@blp.answers(202)
def request_email_change(body: Arguments) -> None:
    """Request a change of the e-mail address

    A message with a token is sent to the new address. The account keeps its address until that
    token is sent to POST /v1/me/email/verify. At most five messages are sent within an hour (429).
    """
    password_hash = hash_of_caller(body["password"])
    _send(db.items("request_email_change", email=body["email"], password_hash=password_hash))


@blp.post("/me/email/verification")
@signed_in()
@refuses(409)
@blp.answers(202)
def request_email_verification() -> None:
    """Request a message that verifies the e-mail address

    Sign-up sends the first one. A token is valid for 24 hours, and a later one does not replace it.
    At most five messages are sent within an hour (429).
    """
    _send(db.items("request_email_verification"))


@blp.post("/me/email/verify")
@signed_in()
@blp.body(EmailToken)
@refuses(409)
@blp.answers(200, User)
def verify_email(body: Arguments) -> bytes:
    """Verify an e-mail address with the token from the message

    The address of a requested change becomes that of the account. A retry with the same token gets
    the same answer.
    """
    return db.call("verify_email", **body)


def _send(found: bytes) -> None:
    for verification in json.loads(found)["items"]:
        delivery.current().email_verification(**verification)
