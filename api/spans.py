"""A queue of spans that never holds up a request. Needs the packages of requirements-tracing.txt.

The queue of the SDK drops the oldest spans when it is full, and says so in its log only. This one
counts, and is full as well while a batch is on its way that the collector does not take.
"""

import logging
import threading
from collections.abc import Sequence
from contextvars import ContextVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from api import span_counts
from api.logs import log

QUEUE = 2048  # spans of a process that wait or are on their way
# The trace of the next span that has no span above it; 0: a new one.
trace_of_next: ContextVar[int] = ContextVar("trace_of_next", default=0)


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        return trace_of_next.get() or super().generate_trace_id()


def new_provider(service: str) -> TracerProvider:
    """Spans go to the collector of the environment. Starts a thread, so call it after the fork.

    service: the name of this program, unless the environment has another one.
    """
    # Its lines quote what the collector answers, and come with every batch.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    resource = Resource.create({"service.name": service})
    provider = TracerProvider(
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES prevail.
        resource=resource.merge(OTELResourceDetector().detect()),
        shutdown_on_exit=False,
        id_generator=_Ids(),
    )
    provider.add_span_processor(SpanQueue(OTLPSpanExporter()))
    return provider


class SpanQueue(SpanProcessor):
    """Hands sampled spans to a thread that sends them, or drops and counts them."""

    def __init__(self, exporter: SpanExporter, size: int = QUEUE) -> None:
        self._places = threading.Semaphore(size)
        self._batches = BatchSpanProcessor(_Counted(exporter, self._places), max_queue_size=size)

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that has ended."""
        if not span.context or not span.context.trace_flags.sampled:
            return
        if self._places.acquire(blocking=False):
            self._batches.on_end(span)
        else:
            span_counts.count("dropped", 1)

    def shutdown(self) -> None:
        """Send the rest. May take as long as the collector does."""
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits."""
        return self._batches.force_flush(timeout_millis)


class _Counted(SpanExporter):
    """An exporter that counts, frees places, and logs when it begins and ceases to fail."""

    def __init__(self, exporter: SpanExporter, places: threading.Semaphore) -> None:
        self._exporter = exporter
        self._places = places
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            fails = result is not SpanExportResult.SUCCESS
            span_counts.count("failed" if fails else "exported", len(spans))
            self._places.release(len(spans))
            if fails != self._fails:
                self._fails = fails
                (log.warning if fails else log.info)("traces", exported=not fails)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
