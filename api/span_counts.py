"""The metric of spans, which the API and the worker have in common."""

from prometheus_client import Counter

from api.logs import log

SPANS = Counter(
    "trace_spans_total",
    "Spans; outcome is exported, failed (the collector did not take them) or dropped (full queue)",
    ("outcome",),
)


def count(outcome: str, number: int) -> None:
    """Count spans. If the folder of the metrics is gone, the process goes on."""
    try:
        SPANS.labels(outcome).inc(number)
    except OSError as error:
        log.warning("uncounted", error=type(error).__name__)
