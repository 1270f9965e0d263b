"""Change of the password, and password reset."""

import json

from api import db, delivery, password_hashing, password_strength
from api.auth import signed_in
from api.config import current
from api.errors import Problem, pointer
from api.fields import Email, Line, Prose, Request
from api.rate_limits import client_address
from api.resources.auth import NewPassword, Tokens, tokens_of
from api.routing import Arguments, Blueprint

blp = Blueprint("passwords", "Change and reset of passwords")


class PasswordChange(Request):
    """The current and the new password."""

    current_password = Prose(
        password_hashing.MAXIMUM_LENGTH,
        required=True,
        metadata={"format": "password"},
    )
    new_password = NewPassword()


class PasswordResetRequest(Request):
    """The e-mail address of the account."""

    email = Email(required=True)


class PasswordReset(Request):
    """The token from the message, and the new password."""

    token = Line(required=True, metadata={"example": "A" * 43})
    new_password = NewPassword()


@blp.post("/me/password")
@signed_in()
@blp.body(PasswordChange)
@blp.answers(200, Tokens)
def change_password(body: Arguments) -> bytes:
    """Change the caller's password

    Every session ends, this one included. Continue with the tokens of the answer.
    """
    me = json.loads(db.call("my_profile"))
    if password_strength.too_easy(body["new_password"], me["email"], me["full_name"]):
        errors = [{"pointer": pointer("new_password"), "detail": password_strength.ADVICE}]
        raise Problem(422, "The request is not valid.", code="TM201", errors=errors)
    # Two calls, as at log-in. If the new password is the current one, both have the same hash, so
    # that the database can refuse it.
    with password_hashing.turn():
        setting: str = json.loads(db.call("my_password_salt"))
        current_hash = new_hash = password_hashing.hash_with(body["current_password"], setting)
        if body["new_password"] != body["current_password"]:
            new_hash = password_hashing.hash_password(body["new_password"], current().bcrypt_cost)
    return tokens_of(
        db.call("change_password", current_password_hash=current_hash, new_password_hash=new_hash)
    )


@blp.post("/auth/password-reset")
@blp.body(PasswordResetRequest)
@blp.answers(202)
def request_password_reset(body: Arguments) -> None:
    """Request a message with a token for a new password

    The answer is the same whether or not the account exists. The token is valid for 30 minutes and
    one use; earlier tokens stay valid. After five requests within an hour from one address, at most
    one message is sent every five minutes.
    """
    found = db.items("request_password_reset", **body, address=client_address())
    for reset in json.loads(found)["items"]:
        delivery.current().password_reset(**reset)


@blp.post("/auth/password-reset/confirm")
@blp.body(PasswordReset)
@blp.answers(204)
def reset_password(body: Arguments) -> None:
    """Choose a new password with the token from the message

    Every session of the account ends: log in with the new password. A second factor stays.
    """
    with password_hashing.turn():
        new_hash = password_hashing.hash_password(body["new_password"], current().bcrypt_cost)
    db.run("reset_password", token=body["token"], new_password_hash=new_hash)
