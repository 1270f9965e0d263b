"""One-time codes (TOTP, RFC 6238), and their secrets, which the database keeps encrypted."""

import hmac
import re
import time
from functools import lru_cache

import pyotp
import segno
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from api.logs import log

ISSUER = "Telemedicine"
SECRET_CHARACTERS = 32  # of base32: 160 bits (RFC 4226, section 4, R6)
STEP_SECONDS = 30
WINDOW_STEPS = 1  # before and after the present one (RFC 6238, section 5.2)
CODE = re.compile(r"[0-9]{6}")
LABEL_CHARACTERS = 100  # of an address: with all of a long one a QR code could not be drawn


def new_key() -> str:
    """A key for the setting MFA_KEYS."""
    return Fernet.generate_key().decode()


def new_secret() -> str:
    """A secret for an authenticator, in base32."""
    return pyotp.random_base32(SECRET_CHARACTERS)


def encrypt(keys: str, user_id: str, secret: str) -> str:
    """The secret of one user as the database keeps it; of no use to any other user."""
    return _fernet(keys).encrypt(f"{user_id} {secret}".encode()).decode()


def decrypt(keys: str, user_id: str, encrypted: str) -> str:
    """The secret of one user.

    Raises InvalidToken when none of the keys fits, or when it is another user's.
    """
    owner, _, secret = _fernet(keys).decrypt(encrypted).decode().partition(" ")
    if owner != user_id:
        raise InvalidToken
    return secret


def step_of(keys: str, user_id: str | None, encrypted: str | None, otp: str) -> int | None:
    """The time step whose code `otp` is, spaces and hyphens aside; None for no code of now.

    Whether it has been used is the database's to say. user_id and encrypted are those of
    api.mfa_secrets.
    """
    code = re.sub("[ -]", "", otp)
    if not (user_id and encrypted and CODE.fullmatch(code)):
        return None
    try:
        totp = pyotp.TOTP(decrypt(keys, user_id, encrypted), interval=STEP_SECONDS)
    except InvalidToken:
        # A lost key must not lock out whoever has recovery codes.
        log.error("mfa", error="no key of MFA_KEYS fits the secret of a user", user_id=user_id)
        return None
    now = int(time.time()) // STEP_SECONDS
    steps = range(now - WINDOW_STEPS, now + WINDOW_STEPS + 1)
    found = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)]
    # The last: should two steps have one code, the earlier one may be used up.
    return found[-1] if found else None


def uri(secret: str, email: str) -> str:
    """What an authenticator reads to know a secret."""
    label = email[:LABEL_CHARACTERS]
    return pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=ISSUER)


def qr_svg(text: str) -> str:
    """A QR code (ISO/IEC 18004) as an SVG element."""
    return segno.make_qr(text, error="m").svg_inline(scale=4)


@lru_cache
def _fernet(keys: str) -> MultiFernet:
    return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
