"""Metrics of the worker for Prometheus: what this instance does, and the state of the queue."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

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
DEPTH = Gauge(
    "queue_jobs",
    "Jobs of the queue; state is due, later, running or dead",
    ("task", "state"),
)
LAG = Gauge("queue_lag_seconds", "How long the oldest due job has waited", ("task",))
VIOLATIONS = Gauge("invariant_violations", "Rows that break an invariant", ("invariant",))

STATES = ("due", "later", "running", "dead")


def show_queue(figures: Iterable[Row]) -> None:
    """Take the figures of work.queue_figures. Tasks without jobs disappear."""
    DEPTH.clear()
    LAG.clear()
    for row in figures:
        for state in STATES:
            DEPTH.labels(row["task"], state).set(row[state])
        LAG.labels(row["task"]).set(row["lag"].total_seconds() if row["lag"] else 0)


def show_invariants(rows: Iterable[Row]) -> None:
    """Take the rows of work.check_invariants, all invariants."""
    for row in rows:
        VIOLATIONS.labels(row["name"]).set(row["violations"])
