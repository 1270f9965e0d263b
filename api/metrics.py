"""Prometheus metrics by route template.

With PROMETHEUS_MULTIPROC_DIR, which gunicorn.conf.py sets, each worker answers for all of them.
"""

import os

from flask import Flask, Response, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from api.logs import route, seconds

REQUESTS = Counter("http_requests_total", "Requests answered", ("method", "route", "status"))
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time from the request's arrival to its answer",
    ("method", "route"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5),
)


def register(app: Flask) -> None:
    """Count every answer of `app`."""
    app.after_request(_count)


def _count(response: Response) -> Response:
    # Without a route the method may be any word that a stranger invents.
    method = request.method if request.url_rule else "unknown"
    REQUESTS.labels(method, route(), response.status_code).inc()
    DURATION.labels(method, route()).observe(seconds())
    return response


def exposition() -> Response:
    """All metrics in Prometheus' text format."""
    registry: CollectorRegistry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
