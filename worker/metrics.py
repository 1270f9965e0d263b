"""Metrics of the worker for Prometheus: what this instance does, and the state of the database.

The figures of the queue and of the database are the same for every instance: take `max` of them.
One reading each 15 seconds serves every scrape, and the processes of the API ask for none.
"""

import hmac
import socket
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from api import span_counts  # noqa: F401  # registers trace_spans_total
from worker.db import Row

JOBS = Counter(
    "worker_jobs_total",
    "Attempts of this worker; outcome is succeeded, again (another attempt follows) or dead",
    ("task", "outcome"),
)
DURATION = Histogram(
    "worker_job_duration_seconds",
    "Time of an attempt",
    ("task",),
    buckets=(0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300),
)
RETURNED = Counter(
    "worker_jobs_returned_total",
    "Jobs of workers that were gone, put back into the queue by this worker",
    ("task",),
)
RUNNING = Gauge("worker_jobs_running", "Jobs that this worker runs now")
CONCURRENCY = Gauge("worker_concurrency", "Jobs that this worker can run at the same time")
DEPTH = Gauge(
    "queue_jobs",
    "Jobs of the queue; state is due, later, running or dead",
    ("task", "state"),
)
LAG = Gauge("queue_lag_seconds", "How long the oldest due job has waited", ("task",))
FIGURES_AT = Gauge(
    "figures_timestamp_seconds", "When this worker read the figures of queue and database"
)
CHECKED_AT = Gauge(
    "invariants_checked_timestamp_seconds",
    "When this worker checked the invariants; scope is hour (rows of the last hour) or all",
    ("scope",),
)

# Figures of ops.database_figures.
DATABASE = {
    name: Gauge(name, text)
    for name, text in {
        "audit_seal_lag_seconds": "Age of the oldest row of the audit log that is not sealed",
        "events_lag_seconds": "How long an open transaction has held back events",
        "database_connections": "Sessions of all databases of the server",
        "database_connections_limit": "max_connections of the server",
        "database_transaction_age": "Transactions since the last freeze of the oldest database",
        "database_size_bytes": "Size of the database",
    }.items()
}
# Those with a subject, by the name of its label.
ABOUT = {
    name: Gauge(name, text, (label,))
    for name, label, text in (
        (
            "replication_slot_active",
            "slot",
            "1 if the receiver of the replication slot is connected",
        ),
        (
            "replication_slot_lag_bytes",
            "slot",
            "WAL that the receiver of the slot has not confirmed",
        ),
        ("invariant_violations", "invariant", "Rows that break an invariant"),
        ("backup_age_seconds", "method", "Time since the newest backup"),
    )
}

STATES = ("due", "later", "running", "dead")


def show_queue(figures: Iterable[Row]) -> None:
    """Take the figures of work.queue_figures. Tasks without jobs disappear."""
    DEPTH.clear()
    LAG.clear()
    for row in figures:
        for state in STATES:
            DEPTH.labels(row["task"], state).set(row[state])
        LAG.labels(row["task"]).set(row["lag"].total_seconds() if row["lag"] else 0)


def show_database(figures: Iterable[Row]) -> None:
    """Take the figures of work.database_figures. Subjects that are gone disappear."""
    for gauge in ABOUT.values():
        gauge.clear()
    for row in figures:
        if row["figure"] in ABOUT:
            ABOUT[row["figure"]].labels(row["subject"]).set(row["value"])
        else:
            DATABASE[row["figure"]].set(row["value"])
    FIGURES_AT.set_to_current_time()


class _Quiet(WSGIRequestHandler):
    """A handler that writes no line for a request."""

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


class _Server6(ThreadingWSGIServer):
    """A server with an IPv6 address."""

    address_family = socket.AF_INET6


def serve(host: str, port: int, token: str) -> None:
    """Serve the metrics in a thread. With a token, only for who sends it as a bearer token."""
    metrics: Callable[..., Iterable[bytes]] = make_wsgi_app()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1")
        if token and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
            return [b""]
        return metrics(environ, start_response)

    kind = _Server6 if ":" in host else ThreadingWSGIServer
    server = make_server(host, port, app, kind, handler_class=_Quiet)
    Thread(target=server.serve_forever, daemon=True).start()
