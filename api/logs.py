"""The log: one JSON object per line, for each request and for each message of a library."""

import logging
import random
import re
import sys
import time
from typing import Any

import structlog
from flask import Flask, Request, Response

from api import present, telemetry, traces

REQUEST_ID = re.compile(r"[A-Za-z0-9._:+=/-]{1,128}")
# Monitoring requests these every few seconds.
QUIET = ("/health", "/metrics")

_TIME_AND_LEVEL: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
]
# One list: a logger keeps that of its first use, and a test replaces its contents.
_PROCESSORS: list[structlog.typing.Processor] = [
    *_TIME_AND_LEVEL,
    structlog.processors.JSONRenderer(),
]

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def configure(level: str) -> None:
    """Write lines of the API from `level` on (DEBUG, INFO, WARNING, ERROR) to standard output."""
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Formats the lines of gunicorn, psycopg and other libraries like those of the API."""

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
    """Give each request an id and write one line for each answer.

    A line has ids and the template of the route. It has no body, query, address or e-mail address.
    """
    app.before_request(_begin)
    app.after_request(_end)


def route(request: Request) -> str:
    """The template of a request's route, such as /v1/doctors/<uuid:doctor_id>."""
    return request.url_rule.rule if request.url_rule else "unknown"


def seconds() -> float:
    """The age of the present request in seconds."""
    return time.perf_counter() - float(present.variables().started)


def _begin() -> None:
    g = present.variables()
    g.started = time.perf_counter()
    environ = present.request().environ
    given = environ.get("HTTP_X_REQUEST_ID") or environ.get("HTTP_REQUEST_ID") or ""
    if "HTTP_TRACEPARENT" in environ:
        g.trace = traces.trace(environ["HTTP_TRACEPARENT"])
    if telemetry.is_on():
        g.span, g.trace = telemetry.begin(g.get("trace"))
    if REQUEST_ID.fullmatch(given):
        g.request_id = given
    elif trace := g.get("trace"):
        g.request_id = trace.trace_id
    else:
        # Not a secret, so it need not cost a system call.
        g.request_id = f"{random.getrandbits(128):032x}"


def _end(response: Response) -> Response:
    g, request = present.variables(), present.request()
    headers = response.headers
    headers.add("X-Request-Id", g.request_id)
    if "HTTP_REQUEST_ID" in request.environ:
        headers.add("Request-Id", g.request_id)
    more: dict[str, str] = {}
    if trace := g.get("trace"):
        headers.add("traceresponse", trace.header)
        names = ("trace_id", "span_id", "parent_id")
        more = {name: value for name in names if (value := getattr(trace, name))}
    if settings := g.get("settings"):
        more["clinic"] = settings.clinic
    template = route(request)
    if span := g.get("span"):
        telemetry.end(span, request, template, response.status_code, g.get("problem_code"))
    write = log.debug if template.startswith(QUIET) else log.info
    write(
        "request",
        request_id=g.request_id,
        method=request.method,
        route=template,
        status=response.status_code,
        duration_ms=round((time.perf_counter() - g.started) * 1000, 1),
        user_id=g.get("user_id"),
        **more,
    )
    return response
