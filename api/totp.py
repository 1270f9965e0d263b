"""One-time codes (TOTP, RFC 6238) and their secrets, which the database stores encrypted."""

import hashlib
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
WINDOW_STEPS = 1  # accepted before and after the current step (RFC 6238, section 5.2)
CODE = re.compile(r"[0-9]{6}")
LABEL_CHARACTERS = 100  # of an e-mail address: a longer one would not fit into the QR code


def new_key() -> str:
    """Make a key for the setting MFA_KEYS: 32 random bytes in base64url."""
    return Fernet.generate_key().decode()


def new_secret() -> str:
    """Make a secret of 160 bits for an authenticator, in base32."""
    return pyotp.random_base32(SECRET_CHARACTERS)


def key_ids(keys: str) -> list[str]:
    """The ids of the keys of MFA_KEYS: 16 hexadecimal digits, from which no key can be found."""
    return [
        hashlib.sha256(b"mfa key " + key.strip().encode()).hexdigest()[:16]
        for key in keys.split(",")
    ]


def encrypt(keys: str, user_id: str, secret: str) -> str:
    """Encrypt the secret of a user for the database. Decryption fails for any other user.

    The id of the key stands before it, so that ops.keys_of_secrets can count by key.
    """
    token = _fernet(keys).encrypt(f"{user_id} {secret}".encode()).decode()
    return f"{key_ids(keys)[0]}.{token}"


def decrypt(keys: str, user_id: str, encrypted: str) -> str:
    """Decrypt the secret of a user.

    Raises InvalidToken if no key fits or if the secret belongs to another user.
    """
    # Without a full stop it was stored before keys had an id. Base64url has none.
    token = encrypted.rpartition(".")[2]
    owner, _, secret = _fernet(keys).decrypt(token).decode().partition(" ")
    if owner != user_id:
        raise InvalidToken
    return secret


def step_of(keys: str, user_id: str | None, encrypted: str | None, otp: str) -> int | None:
    """The time step that a one-time code belongs to. None if no current step has this code.

    otp: may have spaces and hyphens. user_id, encrypted: of api.mfa_secrets. The database decides
    whether the step was used before (RFC 6238, section 5.2).
    """
    code = re.sub("[ -]", "", otp)
    if not (user_id and encrypted and CODE.fullmatch(code)):
        return None
    try:
        totp = pyotp.TOTP(decrypt(keys, user_id, encrypted), interval=STEP_SECONDS)
    except InvalidToken:
        # Without the key, recovery codes must still work.
        log.error("mfa", error="no key of MFA_KEYS fits the secret of a user", user_id=user_id)
        return None
    now = int(time.time()) // STEP_SECONDS
    steps = range(now - WINDOW_STEPS, now + WINDOW_STEPS + 1)
    found = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)]
    # The last one: if two steps have the same code, the earlier step may have been used.
    return found[-1] if found else None


def uri(secret: str, email: str) -> str:
    """The otpauth URI from which an authenticator reads a secret."""
    label = email[:LABEL_CHARACTERS]
    return pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=ISSUER)


def qr_svg(text: str) -> str:
    """A QR code (ISO/IEC 18004) as an SVG element."""
    return segno.make_qr(text, error="m").svg_inline(scale=4)


@lru_cache
def _fernet(keys: str) -> MultiFernet:
    return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
