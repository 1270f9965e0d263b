"""The header Read-After, and which reads a replica may answer.

A replica is a standby, which is behind the primary by a moment. It answers lists that decide
nothing, never a question whose answer somebody acts upon: every write decides on the primary.

An answer to a write has the position of what it has written: api.read_position. A read that sends
it back sees that write, on whichever server: api.has_replayed.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Flask, Response

from api import present

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "Read-After"


def register(app: Flask) -> None:
    """Give the answers of `app` the position of what they have written."""
    app.after_request(_add_position)


def from_replica(view: View) -> View:
    """Let a replica answer this list, if there is one (DATABASE_REPLICA_URL).

    For what nobody decides upon. A read that has to be in the access log cannot be one: a standby
    takes no entry, so the read fails there, and the primary answers.
    """

    @wraps(view)
    def reading(*args: Any, **kwargs: Any) -> Any:
        present.variables().from_replica = True
        return view(*args, **kwargs)

    reading._from_replica = True  # type: ignore[attr-defined]  # for the document
    return reading  # type: ignore[return-value]


def given() -> str | None:
    """The position that the present request has to see; None without one."""
    position: str | None = present.request().environ.get("HTTP_READ_AFTER")
    return position


def is_wanted() -> bool:
    """Whether the answer of the primary to the present request needs a position.

    A write needs one. A read has one only to replace that of another server or timeline.
    """
    if present.request().method not in ("GET", "HEAD"):
        return True
    return given() is not None and "from_replica" in present.variables()


def keep(position: str) -> None:
    """Take the position after a statement for the answer. Empty: the server has none."""
    old, method = given(), present.request().method
    is_other = old is not None and _history(old) != _history(position)
    if method not in ("GET", "HEAD") or is_other:
        present.variables().read_after = position


def _history(position: str) -> str:
    """The server and the timeline of a position."""
    return position.rpartition("-")[0]


def _add_position(response: Response) -> Response:
    if position := present.variables().get("read_after"):
        response.headers.add(HEADER, position)
    return response
