"""The second factor of the caller."""

import json

from flask import g
from marshmallow import fields

from api import db, totp
from api.auth import signed_in
from api.config import current
from api.fields import Line, Request, Row
from api.openapi import refuses
from api.routing import Arguments, Blueprint

blp = Blueprint("mfa", "The second factor of the caller: one-time codes")


class Nothing(Request):
    """An empty object."""


class OneTimeCode(Request):
    """A one-time code."""

    otp = Line(40, required=True, metadata={"description": "six digits", "example": "492039"})


class OneTimeOrRecoveryCode(Request):
    """A one-time code or a recovery code."""

    otp = Line(
        40,
        required=True,
        metadata={"description": "one-time code or recovery code", "example": "492039"},
    )


class Enrolment(Row):
    """The secret of one-time codes (RFC 6238), in three forms. It is shown only once."""

    secret = fields.String(metadata={"description": "base32, to type into an authenticator"})
    otpauth_uri = fields.String(
        metadata={"description": "a link for an authenticator on this device"}
    )
    qr_svg = fields.String(
        metadata={"description": "a QR code for an authenticator with a camera: an SVG element"}
    )


class NewRecoveryCodes(Row):
    """Ten codes, each valid once in place of a one-time code. They are shown only once."""

    recovery_codes = fields.List(fields.String())


@blp.post("/me/mfa")
@signed_in()
@blp.body(Nothing)
@refuses(409)
@blp.answers(201, Enrolment, location="/v1/me/mfa")
def enrol_mfa(body: Arguments) -> bytes:
    """Enrol a second factor

    It is required only after it is confirmed. Until then it can be enrolled again.
    """
    secret = totp.new_secret()
    encrypted = totp.encrypt(current().mfa_keys, g.user_id, secret)
    account = json.loads(db.call("enrol_mfa", secret=encrypted))
    uri = totp.uri(secret, account["email"])
    enrolment = {"secret": secret, "otpauth_uri": uri, "qr_svg": totp.qr_svg(uri)}
    return json.dumps(enrolment).encode()


@blp.post("/me/mfa/confirm")
@signed_in()
@blp.body(OneTimeCode)
@refuses(409)
@blp.answers(200, NewRecoveryCodes)
def confirm_mfa(body: Arguments) -> bytes:
    """Confirm the second factor

    From now on, a log-in requires a one-time code. This session counts as one with a code.
    """
    found = json.loads(db.call("my_mfa_secret"))
    step = totp.step_of(current().mfa_keys, found["user_id"], found["secret"], body["otp"])
    return db.call("confirm_mfa", secret=found["secret"], otp_step=step)


@blp.delete("/me/mfa")
@signed_in()
@blp.body(OneTimeOrRecoveryCode)
@refuses(409)
@blp.answers(204)
def disable_mfa(body: Arguments) -> None:
    """Remove the second factor

    Requires an unused code. The fifth wrong code ends the session.
    """
    found = json.loads(db.call("my_mfa_secret"))
    step = totp.step_of(current().mfa_keys, found["user_id"], found["secret"], body["otp"])
    db.run("disable_mfa", otp_step=step, recovery_code=body["otp"])
