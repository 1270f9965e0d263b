"""One JSON object per line: each request's outcome, and what the libraries have to say."""

import logging
import re
import sys
import time
from typing import Any
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

REQUEST_ID = re.compile(r"[A-Za-z0-9._:+=/-]{1,128}")
# Asked every few seconds by machines.
QUIET = ("/health", "/metrics")

_TIME_AND_LEVEL: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
]

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def configure(level: str) -> None:
    """Write our own lines of `level` (DEBUG, INFO ...) and above to standard output."""
    structlog.configure(
        processors=[*_TIME_AND_LEVEL, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Makes the lines of gunicorn, psycopg and others look like ours."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        super().__init__(
            foreign_pre_chain=[*_TIME_AND_LEVEL, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )


def register(app: Flask) -> None:
    """Give each request an id and each answer a log line.

    No body, no query string, no address, no e-mail: only the route's template and ids.
    """
    app.before_request(_begin)
    app.after_request(_end)


def route() -> str:
    """The template of the present route, such as /v1/doctors/<uuid:doctor_id>."""
    return request.url_rule.rule if request.url_rule else "unknown"


def seconds() -> float:
    """How long the present request has taken so far."""
    return time.perf_counter() - float(g.started)


def _begin() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    write = log.debug if route().startswith(QUIET) else log.info
    write(
        "request",
        request_id=g.request_id,
        method=request.method,
        route=route(),
        status=response.status_code,
        duration_ms=round(seconds() * 1000, 1),
        user_id=g.get("user_id"),
    )
    return response
