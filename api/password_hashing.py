"""Password hashes: bcrypt over SHA-384, so that every byte of a long password counts.

A password is hashed exactly as it was received: it is not trimmed, truncated or normalised (OWASP
ASVS 5.0, 6.2.8).
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
WAIT_SECONDS = 5.0  # at most, for a turn


def hash_password(password: str, cost: int) -> str:
    """Hash a password with a new salt. cost: the base-2 logarithm of the rounds, 4 to 31."""
    return bcrypt.hashpw(_digest(password), bcrypt.gensalt(cost)).decode()


def hash_with(password: str, setting: str, cost: int = 0) -> str:
    """Hash a password with the setting of an existing hash ($2b$, cost, $, salt), to compare them.

    A setting with a lower cost than `cost` gets additional rounds that make up the difference.
    Otherwise the time of the answer would reveal which accounts exist: their hashes may be older
    than the present cost.
    """
    digest = _digest(password)
    for less in range(int(setting[4:6]), cost):  # 2^n + 2^n + ... + 2^(cost-1) = 2^cost
        bcrypt.hashpw(digest, bcrypt.gensalt(less))
    return bcrypt.hashpw(digest, setting.encode()).decode()


def register(app: Flask, settings: Settings) -> None:
    """Allow BCRYPT_CONCURRENCY hashes at a time, and as many that wait as half the threads hold."""
    app.extensions["hashing"] = threading.BoundedSemaphore(settings.bcrypt_concurrency)
    app.extensions["waiting_room"] = threading.BoundedSemaphore(settings.threads // 2)


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Hold one of the BCRYPT_CONCURRENCY turns to hash.

    Raises Problem 503: at once if too many requests wait, or after WAIT_SECONDS without a turn.
    """
    with _place("waiting_room", 0), _place("hashing", WAIT_SECONDS):
        yield


@contextlib.contextmanager
def _place(name: str, seconds: float) -> Iterator[None]:
    places: threading.BoundedSemaphore = current_app.extensions[name]
    if not places.acquire(timeout=seconds):
        raise Problem(503, "Too many log-ins at the moment. Try again.")
    try:
        yield
    finally:
        places.release()


def _digest(password: str) -> bytes:
    # bcrypt ignores bytes after the 72nd and after a zero byte: 64 characters of base64 avoid both.
    return base64.b64encode(hashlib.sha384(password.encode()).digest())
