"""Traces for a collector of OpenTelemetry: a span for each request or job, and for each statement.

The variables OTEL_* of the OpenTelemetry specification switch it on and choose everything: see
docs/observability.md. Without OTEL_EXPORTER_OTLP_ENDPOINT, or without the packages of
requirements-tracing.txt, there are no spans, and a trace is only continued (api.traces).

A thread of each process sends the spans (api.spans). No request waits for the collector.
"""

from __future__ import annotations

import os
import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog

from api.traces import SAMPLED, Trace

if TYPE_CHECKING:
    from flask import Request
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

log = structlog.get_logger()

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
FUNCTION = re.compile(rb"\b(?:api|work)\.(?!(?:has_replayed|require_confirmation)\b)([a-z_]+)\(")
SHUTDOWN_SECONDS = 1.0  # for the last spans of a process: its end does not wait for a collector

_provider: TracerProvider | None = None
_tracer: Tracer | None = None


def is_wanted() -> bool:
    """Whether the environment asks for spans."""
    return (
        any(os.environ.get(name) for name in ENDPOINTS)
        and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"
        and os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp"
    )


def is_on() -> bool:
    """Whether this process makes spans."""
    return _tracer is not None


def start(service: str = "telemedicine-api") -> None:
    """Begin to make spans, after the fork: a child has none of the threads of its parent.

    service: the name of this program.
    """
    global _provider, _tracer
    if not is_wanted():
        return
    try:
        from api import spans
    except ImportError as error:
        log.error("traces", exported=False, missing=error.name)
        return
    _provider = spans.new_provider(service)
    _tracer = _provider.get_tracer("telemedicine")


def stop() -> None:
    """Send what is left, for a second at most."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        last = threading.Thread(target=provider.shutdown, daemon=True)
        last.start()
        last.join(SHUTDOWN_SECONDS)


def begin(trace: Trace | None) -> tuple[Span | None, Trace | None]:
    """The span of a request, and its trace: the one that it continues, or a new one."""
    if _tracer is None:
        return None, trace
    from opentelemetry import context
    from opentelemetry.trace import SpanKind, set_span_in_context

    parent = set_span_in_context(_remote(trace), context.Context()) if trace else context.Context()
    span = _tracer.start_span("request", parent, SpanKind.SERVER)
    own = span.get_span_context()
    parent_id = trace.parent_id if trace else ""
    sampled = bool(own.trace_flags & SAMPLED)
    return span, Trace(f"{own.trace_id:032x}", parent_id, f"{own.span_id:016x}", sampled)


def _remote(trace: Trace) -> Span:
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

    return NonRecordingSpan(
        SpanContext(
            int(trace.trace_id, 16),
            int(trace.parent_id, 16),
            is_remote=True,
            trace_flags=TraceFlags(SAMPLED if trace.sampled else 0),
        )
    )


def end(span: Span, request: Request, route: str, status: int, code: str | None) -> None:
    """End the span of a request. It has no path, query or header: those may have personal data."""
    from opentelemetry.trace import StatusCode

    if span.is_recording():
        # Any word can be the method of a request without a route.
        method = request.method if request.url_rule else "unknown"
        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                **({"error.type": code} if code else {}),
            }
        )
        if status >= 500:
            span.set_status(StatusCode.ERROR)
    span.end()


def begin_job(task: str, trace_id: str | None, began: int) -> Span | None:
    """The span of an attempt of a job. It has no span above it, for none is stored with a job.

    trace_id: the trace of the request that caused the job, None for a new one. began: nanoseconds
    since 1970.
    """
    if _tracer is None:
        return None
    from opentelemetry import context
    from opentelemetry.trace import SpanKind

    from api.spans import trace_of_next

    token = trace_of_next.set(int(trace_id, 16) if trace_id else 0)
    try:
        return _tracer.start_span(task, context.Context(), SpanKind.CONSUMER, start_time=began)
    finally:
        trace_of_next.reset(token)


def end_job(span: Span, attributes: dict[str, str | int], error: str | None) -> None:
    """End the span of an attempt. error: the SQLSTATE or the type of the error that ended it."""
    from opentelemetry.trace import StatusCode

    if span.is_recording():
        span.set_attributes({**attributes, **({"error.type": error} if error else {})})
        if error:
            span.set_status(StatusCode.ERROR)
    span.end()


def trace_id(span: Span) -> str:
    """The trace of a span."""
    return f"{span.get_span_context().trace_id:032x}"


def begin_statement(parent: Span, text: bytes) -> Span | None:
    """The span of a statement, below that of its request or job; None if that is not sampled."""
    if _tracer is None or not parent.is_recording():
        return None
    from opentelemetry import context
    from opentelemetry.trace import SpanKind, set_span_in_context

    below = set_span_in_context(parent, context.Context())
    attributes = {"db.system.name": "postgresql"}
    return _tracer.start_span(_function(text), below, SpanKind.CLIENT, attributes)


@lru_cache
def _function(text: bytes) -> str:
    found = FUNCTION.search(text)
    return found[1].decode() if found else "statement"
