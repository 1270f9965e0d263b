"""bcrypt over a digest, so that every byte of a long password counts.

A password is taken exactly as it was received: nothing is trimmed, cut off or put into another
Unicode form (OWASP ASVS 5.0, 6.2.8).
"""

import base64
import contextlib
import hashlib
import threading
from collections.abc import Iterator

import bcrypt
from flask import Flask, current_app

from api.config import Settings
from api.errors import Problem

MINIMUM_LENGTH = 12
MAXIMUM_LENGTH = 128  # characters
PATIENCE_SECONDS = 5.0


def hash_password(password: str, cost: int) -> str:
    """A new bcrypt hash; `cost` is the base-2 logarithm of the rounds."""
    return bcrypt.hashpw(_digest(password), bcrypt.gensalt(cost)).decode()


def hash_with(password: str, setting: str, cost: int = 0) -> str:
    """The hash under the setting of another one ($2b$, cost, $, salt), to compare the two.

    Where the setting costs less than `cost`, the rest is worked off: an account from before the
    cost was raised would otherwise be told by its haste from one that does not exist.
    """
    digest = _digest(password)
    for less in range(int(setting[4:6]), cost):  # 2^n and all from 2^n to 2^(cost-1) are 2^cost
        bcrypt.hashpw(digest, bcrypt.gensalt(less))
    return bcrypt.hashpw(digest, setting.encode()).decode()


def register(app: Flask, settings: Settings) -> None:
    """Bound how many hash, and with those who wait for it keep to half of the threads."""
    app.extensions["hashing"] = threading.BoundedSemaphore(settings.bcrypt_concurrency)
    app.extensions["waiting_room"] = threading.BoundedSemaphore(settings.threads // 2)


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Wait for a turn to hash.

    Raises Problem 503: at once when too many wait already, later when the turn does not come soon.
    """
    with _place("waiting_room", 0), _place("hashing", PATIENCE_SECONDS):
        yield


@contextlib.contextmanager
def _place(name: str, seconds: float) -> Iterator[None]:
    places: threading.BoundedSemaphore = current_app.extensions[name]
    if not places.acquire(timeout=seconds):
        raise Problem(503, "Too many people are signing in at the moment. Try again.")
    try:
        yield
    finally:
        places.release()


def _digest(password: str) -> bytes:
    # bcrypt reads 72 bytes and stops at a zero byte: 64 characters of base64 avoid both.
    return base64.b64encode(hashlib.sha384(password.encode()).digest())
