"""Sign-up, log-in, log-out and refresh tokens."""

import json
from typing import Any

from flask import g
from marshmallow import ValidationError, fields, validate, validates_schema

from api import db, delivery, password_hashing, password_strength, totp
from api.auth import issue, signed_in_or_not
from api.config import current
from api.fields import Email, Line, Prose, Request, Row, Text
from api.openapi import refuses
from api.rate_limits import client_address
from api.resources.me import User
from api.routing import Arguments, Blueprint

blp = Blueprint("auth", "Sign-up, log-in and log-out")


class NewPassword(Text):
    """12 to 128 characters of any kind."""

    def __init__(self) -> None:
        length = validate.Length(password_hashing.MINIMUM_LENGTH, password_hashing.MAXIMUM_LENGTH)
        metadata = {
            "format": "password",
            "description": "any characters, used exactly as sent: spaces at the ends are kept, and"
            " another Unicode form of a letter is another letter; a password that is easy to guess"
            " is refused",
            "example": "mauve trumpet 41 lagoon",
        }
        super().__init__(required=True, validate=[length, _hard_to_guess], metadata=metadata)


def _hard_to_guess(password: str) -> None:
    # A password of the wrong length gets one error, about its length.
    long_enough = (
        password_hashing.MINIMUM_LENGTH <= len(password) <= password_hashing.MAXIMUM_LENGTH
    )
    if long_enough and password_strength.too_easy(password):
        raise ValidationError(password_strength.ADVICE)


class ChoosesPassword(Request):
    """A body with the first password of a new account."""

    password = NewPassword()

    # Also if other fields are wrong, so that one answer names every error.
    @validates_schema(skip_on_field_errors=False)
    def _is_not_about_its_user(self, data: dict[str, str], **_kwargs: Any) -> None:
        about = [data[name] for name in ("email", "full_name") if name in data]
        if "password" in data and password_strength.too_easy(data["password"], *about):
            raise ValidationError(password_strength.ADVICE, "password")


class SignUp(ChoosesPassword):
    """A new patient. No other role can sign up."""

    email = Email(required=True)
    full_name = Line(required=True, metadata={"example": "Pat Patient"})


class LogIn(Request):
    """E-mail address, password and, for an account with a second factor, a code."""

    email = Email(required=True)
    password = Prose(
        password_hashing.MAXIMUM_LENGTH, required=True, metadata={"format": "password"}
    )
    otp = Line(
        40,
        load_default=None,
        metadata={
            "description": "one-time code or recovery code; ignored if the account has no second "
            "factor"
        },
    )


class Refresh(Request):
    """The refresh token of the session."""

    refresh_token = Line(required=True)


class LogOut(Request):
    """The refresh token of the session to end."""

    refresh_token = Line(
        load_default=None,
        metadata={"description": "sufficient alone; without it, a valid access token is required"},
    )


class Tokens(Row):
    """The tokens of a session."""

    access_token = fields.String(metadata={"description": "JWT for the header Authorization"})
    token_type = fields.String(validate=validate.OneOf(["Bearer"]))
    expires_in = fields.Integer(metadata={"description": "seconds until access_token expires"})
    refresh_token = fields.String(
        metadata={"description": "valid for one POST /v1/auth/refresh, which returns the next one"}
    )


@blp.post("/auth/signup")
@blp.body(SignUp)
@refuses(409)
@blp.answers(201, User, location="/v1/me")
def sign_up(body: Arguments) -> bytes:
    """Create a patient's account

    A message with a token that verifies the address is sent to it (POST /v1/me/email/verify).
    """
    with password_hashing.turn():
        password_hash = password_hashing.hash_password(body.pop("password"), current().bcrypt_cost)
    row = json.loads(db.call("sign_up", password_hash=password_hash, **body))
    delivery.current().email_verification(row["email"], row.pop("verification_token"))
    return json.dumps(row).encode()


@blp.post("/auth/login")
@blp.body(LogIn)
@refuses(401, 429)
@blp.answers(200, Tokens)
def log_in(body: Arguments) -> bytes:
    """Log in

    A refusal has the same content and takes the same time whether or not the account exists. The
    code TM105 means that the password is right and a one-time code is required. Failed log-ins are
    throttled with exponential back-off (429).
    """
    address = client_address()
    # Two calls, so that the stored hash never leaves the database: it returns the salt, the API
    # hashes, the database compares. An attempt without a turn does not count as failed.
    with password_hashing.turn():
        setting: str = json.loads(
            db.call("log_in_salt", email=body["email"], cost=current().bcrypt_cost, address=address)
        )
        password_hash = password_hashing.hash_with(body["password"], setting, current().bcrypt_cost)
    password = {"email": body["email"], "password_hash": password_hash}
    step = None
    if body["otp"] is not None:
        found = json.loads(db.call("mfa_secret", **password))
        step = totp.step_of(current().mfa_keys, found["user_id"], found["secret"], body["otp"])
    return tokens_of(
        db.call("log_in", **password, otp_step=step, recovery_code=body["otp"], address=address)
    )


@blp.post("/auth/refresh")
@blp.body(Refresh)
@refuses(401)
@blp.answers(200, Tokens)
def refresh_session(body: Arguments) -> bytes:
    """Exchange a refresh token

    Each token is valid once. Sent again within ten seconds (another tab, a retry), it gets the
    present token of the session. Sent again later, it ends the session, because it may be stolen
    (RFC 9700, section 4.14.2).
    """
    return tokens_of(db.call("refresh_session", **body))


@blp.post("/auth/logout")
@signed_in_or_not
@blp.body(LogOut)
@blp.answers(204)
def log_out(body: Arguments) -> None:
    """End a session

    Ends the sessions of the access token and of the refresh token; one of the two is sufficient. A
    refresh token ends its session even if the access token has expired. All tokens of an ended
    session are invalid at once. An unknown or expired refresh token is answered with 204 as well
    (RFC 7009, section 2.2).
    """
    if body["refresh_token"] is None and "refusal" in g:
        raise g.refusal
    db.run("log_out", **body)


def tokens_of(session: bytes) -> bytes:
    """The JSON of Tokens for a row of api.sessions."""
    row = json.loads(session)
    settings = current()
    tokens = {
        "access_token": issue(settings, row["user_id"], row["role"], row["session_id"]),
        "token_type": "Bearer",
        "expires_in": settings.access_token_expire_minutes * 60,
        "refresh_token": row["refresh_token"],
    }
    return json.dumps(tokens).encode()
