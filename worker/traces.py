"""A span for each attempt of a job, above those of its statements: see api.telemetry."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import psycopg
from procrastinate.jobs import Job

from api import telemetry
from worker import db

if TYPE_CHECKING:
    from opentelemetry.trace import Span

CAUSED = {"event_id", "first_id", "message_id", "delivery_id"}  # see work.request_of_job
TRACE = re.compile(r"(?!0{32})[0-9a-f]{32}")  # a request without a name has that of its trace


class Attempt(NamedTuple):
    """An attempt with its span. request_id: the request that caused the job, if it is known."""

    span: Span
    request_id: str | None


async def begin(job: Job) -> Attempt | None:
    """Begin the span of an attempt; None if this process makes no spans."""
    if not telemetry.is_on():
        return None
    began = time.time_ns()
    request_id = await _request_of(job)
    trace_id = request_id if request_id and TRACE.fullmatch(request_id) else None
    span = telemetry.begin_job(job.task_name, trace_id, began)
    db.span_of_job.set(span)
    return Attempt(span, request_id) if span else None


def end(attempt: Attempt, job: Job, outcome: str, error: dict[str, Any]) -> None:
    """End the span. error: what the log says about the error that ended the attempt, if one did."""
    db.span_of_job.set(None)
    attributes: dict[str, str | int] = {
        "job.task": job.task_name,
        "job.id": job.id or 0,
        "job.attempt": job.attempts + 1,
        "job.outcome": outcome,
    }
    if attempt.request_id:
        attributes["request.id"] = attempt.request_id
    telemetry.end_job(attempt.span, attributes, error.get("sqlstate") or error.get("error"))


async def _request_of(job: Job) -> str | None:
    # Without an answer the job runs all the same.
    with contextlib.suppress(psycopg.Error):
        if CAUSED & job.task_kwargs.keys():
            (row,) = await db.call("request_of_job", arguments=dict(job.task_kwargs))
            return cast(str | None, row["request_of_job"])
    return None
