"""Refusals in the access log, each in a transaction of its own: that of the refused call is undone.

The database itself records reads of clinical data: app.record_read.
"""

from uuid import UUID

import psycopg
from flask import Flask, Response, request

from api import db, deadline, present
from api.counter import Counter
from api.logs import log

# Codes that say that the caller, not the request, is wrong: db/errors.md.
RECORDED = ("TM102", "TM3", "TM4")
# At most this many refusals of one caller are recorded in a window, or one caller could fill the
# disk. One conflict is bad luck; this many are a storm, which is recorded once. Each process counts
# for itself.
MOST_REFUSALS, WINDOW_SECONDS = 20, 60.0

_counter = Counter()


def register(app: Flask) -> None:
    """Record the refusals of `app`, each after its answer is made."""
    app.after_request(_record)


def _record(response: Response) -> Response:
    g = present.variables()
    code = g.get("problem_code", "")
    if g.get("user_id") and (
        (code.startswith(RECORDED) and _count("refusals") <= MOST_REFUSALS)
        or (code.startswith("TM9") and _count("conflicts") == MOST_REFUSALS)
    ):
        ids = [value for value in (request.view_args or {}).values() if isinstance(value, UUID)]
        operation = (request.endpoint or "").rpartition(".")[2]
        # A caller must not be able to suppress the record.
        deadline.forget()
        try:
            db.run(
                "record_denial", operation=operation, code=code, resource_id=next(iter(ids), None)
            )
        except psycopg.Error as error:  # the answer is the refusal, recorded or not
            log.warning("denial", request_id=g.request_id, code=code, error=type(error).__name__)
    return response


def _count(kind: str) -> int:
    return _counter.incr(f"{kind}/{present.variables().user_id}", WINDOW_SECONDS)
