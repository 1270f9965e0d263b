"""Signing up, logging in and out, and refreshing."""

import json

from flask import g
from marshmallow import fields, validate

from api import db, passwords
from api.auth import issue, signed_in
from api.blueprint import Arguments, Blueprint, refuses
from api.config import current
from api.fields import Email, Line, Prose, Request, Row, Text
from api.resources.me import User

blp = Blueprint("auth", "Accounts and sessions")


class NewPassword(Text):
    """12 to 128 characters of any kind."""

    def __init__(self) -> None:
        length = validate.Length(passwords.MINIMUM_LENGTH, passwords.MAXIMUM_LENGTH)
        super().__init__(required=True, validate=length, metadata={"format": "password"})


class SignUp(Request):
    """A new patient; nobody can choose another role."""

    email = Email(required=True)
    password = NewPassword()
    full_name = Line(required=True)


class LogIn(Request):
    """E-mail address and password."""

    email = Email(required=True)
    password = Prose(passwords.MAXIMUM_LENGTH, required=True, metadata={"format": "password"})
    otp = Line(
        20,
        load_default=None,
        metadata={"description": "one-time code; ignored while the account has no second factor"},
    )


class Refresh(Request):
    """A refresh token that has not been used yet."""

    refresh_token = Line(required=True)


class LogOut(Request):
    """Optionally a refresh token of another session to end as well."""

    refresh_token = Line(load_default=None)


class Tokens(Row):
    """What a client holds while it is signed in."""

    access_token = fields.String(metadata={"description": "JWT for the header Authorization"})
    token_type = fields.String(validate=validate.OneOf(["Bearer"]))
    expires_in = fields.Integer(metadata={"description": "seconds until access_token expires"})
    refresh_token = fields.String(
        metadata={"description": "good for one POST /v1/auth/refresh, which returns the next one"}
    )


@blp.post("/auth/signup")
@blp.body(SignUp)
@refuses(409)
@blp.answers(201, User)
def sign_up(body: Arguments) -> bytes:
    """Create a patient's account"""
    with passwords.turn():
        password_hash = passwords.hash_password(body.pop("password"), current().bcrypt_cost)
    return db.call("sign_up", password_hash=password_hash, **body)


@blp.post("/auth/login")
@blp.body(LogIn)
@refuses(401)
@blp.answers(200, Tokens)
def log_in(body: Arguments) -> bytes:
    """Log in

    A refusal says the same whether the account exists or not, and takes as long.
    """
    # Two calls, so that the stored hash never leaves the database: it gives the salt, we do the
    # work, it compares.
    setting: str = json.loads(
        db.call("log_in_salt", email=body["email"], cost=current().bcrypt_cost)
    )
    with passwords.turn():
        password_hash = passwords.hash_with(body["password"], setting, current().bcrypt_cost)
    return _tokens(db.call("log_in", email=body["email"], password_hash=password_hash))


@blp.post("/auth/refresh")
@blp.body(Refresh)
@refuses(401)
@blp.answers(200, Tokens)
def refresh_session(body: Arguments) -> bytes:
    """Exchange a refresh token

    Each one is good once. The same one again within ten seconds (another tab, a retry) hears the
    same answer; later it ends the session, because somebody else may hold it (RFC 9700, section
    4.14.2).
    """
    return _tokens(db.call("refresh_session", **body))


@blp.post("/auth/logout")
@signed_in()
@blp.body(LogOut)
@blp.answers(204)
def log_out(body: Arguments) -> None:
    """End this session

    Its tokens, also the access token, are worth nothing from now on.
    """
    db.run("log_out", session_id=g.session_id, **body)


def _tokens(session: bytes) -> bytes:
    row = json.loads(session)
    settings = current()
    tokens = {
        "access_token": issue(settings, row["user_id"], row["role"], row["session_id"]),
        "token_type": "Bearer",
        "expires_in": settings.access_token_expire_minutes * 60,
        "refresh_token": row["refresh_token"],
    }
    return json.dumps(tokens).encode()
