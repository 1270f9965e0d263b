"""Secrets of webhooks, as Standard Webhooks writes them; the database stores them encrypted."""

import base64
import secrets

from api import totp

PREFIX = "whsec_"
SECRET_BYTES = 32  # Standard Webhooks recommends 24 to 64
# Encrypted like the secrets of one-time codes, with the keys of MFA_KEYS. The name keeps one kind
# from being taken for the other: those begin with the id of a user.
_PURPOSE = "webhook"


def new() -> str:
    """Make a secret, for the receiver."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encrypt(keys: str, secret: str) -> str:
    """Encrypt a secret for the database."""
    return totp.encrypt(keys, _PURPOSE, secret)


def decrypt(keys: str, encrypted: str) -> str:
    """The secret, for the receiver. Raises cryptography.fernet.InvalidToken if no key fits."""
    return totp.decrypt(keys, _PURPOSE, encrypted)


def signing_key(keys: str, encrypted: str) -> bytes:
    """The bytes that sign. Raises cryptography.fernet.InvalidToken if no key fits."""
    return base64.b64decode(decrypt(keys, encrypted).removeprefix(PREFIX))
