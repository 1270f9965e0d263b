"""Refusals of signed-in callers go into the access log, in a transaction of their own."""

import threading
import time
from collections import OrderedDict
from uuid import UUID

import psycopg
from flask import Flask, Response, g, request

from api import db
from api.logs import log

# Not what is wrong with a request, but with who sends it: see db/errors.md.
RECORDED = ("TM102", "TM3", "TM4")
# One conflict is bad luck: this many of one caller within a minute are a storm, recorded once. Of
# the others no more are recorded in a minute, or a caller could fill the disk.
STORM, STORM_SECONDS = 20, 60.0
REMEMBERED = 10_000  # callers, in each process

_counts: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
_lock = threading.Lock()


def register(app: Flask) -> None:
    """Let `app` record refusals after it has made its answer."""
    app.after_request(_record)


def _record(response: Response) -> Response:
    code = g.get("problem_code", "")
    if g.get("user_id") and (
        (code.startswith(RECORDED) and _count(g.user_id, "refusals") <= STORM)
        or (code.startswith("TM9") and _count(g.user_id, "conflicts") == STORM)
    ):
        ids = [value for value in (request.view_args or {}).values() if isinstance(value, UUID)]
        operation = (request.endpoint or "").rpartition(".")[2]
        try:
            db.run(
                "record_denial", operation=operation, code=code, resource_id=next(iter(ids), None)
            )
        except psycopg.Error as error:  # the caller hears the refusal all the same
            log.warning("denial", request_id=g.request_id, code=code, error=type(error).__name__)
    return response


def _count(user_id: str, what: str) -> int:
    """The how-manieth within a minute this one is."""
    now, key = time.monotonic(), (user_id, what)
    with _lock:
        since, count = _counts.pop(key, (now, 0))
        since, count = (now, 1) if now - since > STORM_SECONDS else (since, count + 1)
        _counts[key] = since, count
        if len(_counts) > REMEMBERED:
            _counts.popitem(last=False)
    return count
