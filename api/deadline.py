"""The header Request-Deadline-Ms: how long the client waits for the answer.

The time that is left becomes the time limit of each statement of the request (api.db). A statement
that takes longer is cancelled and rolled back: the database does not work for a client that has
left, and a write under an idempotency key leaves no trace, so the same key starts again.
"""

import re
import time

from flask import Flask, g

from api import present
from api.errors import Problem

HEADER = "Request-Deadline-Ms"
LONGEST_MS = 600_000
WHOLE = re.compile(r"[1-9][0-9]{0,5}")


def register(app: Flask) -> None:
    """Read the deadline of the requests of `app`."""
    app.before_request(_begin)


def seconds_left(deadline: float) -> float:
    """The seconds until a deadline, a time of time.monotonic. Raises Problem 504 if none is left.

    Nothing of the present attempt may have reached the database.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise passed()
    return left


def passed() -> Problem:
    """The problem of a request whose deadline has passed and whose statement had no effect."""
    retry = "with the same Idempotency-Key and more time" if g.get("idempotency_key") else ""
    detail = (
        f"The time of {HEADER} is over, and the request was rolled back."
        f" Send it again {retry or 'with more time'}."
    )
    return Problem(504, detail)


def forget() -> None:
    """Free the rest of the request from its deadline."""
    present.variables().pop("deadline", None)


def _begin() -> None:
    given = present.request().environ.get("HTTP_REQUEST_DEADLINE_MS")
    if given is not None:
        present.variables().deadline = time.monotonic() + _milliseconds(given) / 1000


def _milliseconds(given: str) -> int:
    if not WHOLE.fullmatch(given) or int(given) > LONGEST_MS:
        detail = f"Send the header {HEADER} once, with a whole number from 1 to {LONGEST_MS}."
        raise Problem(400, detail, errors=[{"header": HEADER, "detail": detail}])
    return int(given)
