"""Metrics for Prometheus, labelled by route template.

With PROMETHEUS_MULTIPROC_DIR, which api/gunicorn_hooks.py sets, each worker answers for all
workers.
"""

import os
from collections.abc import Iterator
from functools import lru_cache

from flask import Flask, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api import config, measures, present, time_zones
from api.errors import Problem
from api.logs import log, route, seconds


def register(app: Flask) -> None:
    """Count every answer of `app`."""
    app.after_request(_count)


def _count(response: Response) -> Response:
    # Without a route, the method can be any word: each would be a new time series.
    request = present.request()
    method = request.method if request.url_rule else "unknown"
    template, g = route(request), present.variables()
    try:
        requests, duration = _series(method, template, response.status_code)
        requests.inc()
        duration.observe(seconds())
        if code := g.get("problem_code"):
            measures.PROBLEMS.labels(method, template, code).inc()
        if g.get("replayed"):
            measures.REPLAYS.labels(method, template).inc()
    except OSError as error:  # the folder of the metrics is gone; the answer is still right
        log.warning("uncounted", error=type(error).__name__)
    return response


@lru_cache(None)  # as many as the metrics have series
def _series(method: str, template: str, status: int) -> tuple[Counter, Histogram]:
    return (
        measures.REQUESTS.labels(method, template, status),
        measures.DURATION.labels(method, template),
    )


def exposition() -> Response:
    """All metrics in the text format of Prometheus. Raises Problem 503 if their folder is gone."""
    registry: CollectorRegistry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        try:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        except ValueError:
            raise Problem(503, "The metrics are not available: restart the server.") from None
    clocks = CollectorRegistry()
    clocks.register(_TimeZones())
    return Response(
        generate_latest(registry) + generate_latest(clocks), content_type=CONTENT_TYPE_LATEST
    )


_watches: dict[str, time_zones.Watch] = {}  # of each clinic


class _TimeZones(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        settings = config.current()
        if not settings.database_url:  # of several clinics, and the request names none
            return
        comparison = _watches.setdefault(settings.clinic, time_zones.Watch()).look(settings)
        if comparison is None:
            return
        info = GaugeMetricFamily(
            "time_zone_data_info",
            "Releases of the IANA time zone database that PostgreSQL and Python have",
            labels=("postgresql", "python"),
        )
        info.add_metric((comparison.postgresql, comparison.python), 1)
        yield info
        yield GaugeMetricFamily(
            "time_zones_that_differ",
            "Time zones whose offsets differ between PostgreSQL and Python within two years",
            value=len(comparison.differing),
        )
