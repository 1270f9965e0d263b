"""The metrics of the API that its parts write to: names, labels and buckets.

They are numbers in a file of each process (api/gunicorn_hooks.py makes the folder). If the file
cannot be written, a request goes on without being counted.
"""

from collections.abc import Callable
from typing import ParamSpec

from prometheus_client import Counter, Gauge, Histogram

from api.logs import log

P = ParamSpec("P")

REQUESTS = Counter("http_requests_total", "Requests answered", ("method", "route", "status"))
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time from the request's arrival to its answer",
    ("method", "route"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5),
)
PROBLEMS = Counter(
    "http_problems_total", "Answers of 400 and above, by their code", ("method", "route", "code")
)
REPLAYS = Counter(
    "http_replays_total", "Answers that an idempotency key has returned again", ("method", "route")
)
REFUSED = Counter(
    "http_refused_total",
    "Requests refused before they reach the application: malformed, too large or too long queued",
    ("status",),
)
CONNECTIONS = Gauge(
    "db_pool_connections",
    "Connections to the database that the processes have open",
    multiprocess_mode="livesum",
)
IN_USE = Gauge("db_pool_in_use", "Connections that requests hold now", multiprocess_mode="livesum")
WAITING = Gauge(
    "db_pool_waiting", "Requests that wait for a connection now", multiprocess_mode="livesum"
)
WAIT = Histogram(
    "db_pool_wait_seconds",
    "Time that a request waited for a connection; only waits of more than a millisecond",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
ROUND_TRIP = Histogram(
    "db_round_trip_seconds",
    "Time from sending a statement to its answer",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
RETRIES = Counter(
    "db_retries_total",
    "Statements sent again; reason is conflict (deadlock, serialization) or lost (connection)",
    ("reason",),
)
REPLICA_READS = Counter(
    "db_replica_reads_total",
    "Lists that a replica may answer; outcome is answered, or why the primary answered: behind"
    " (what the caller has to see), away, busy (no free connection) or refused (an error, such as"
    " a session that is not there yet)",
    ("outcome",),
)
REPLICA_LAG = Gauge(
    "db_replica_lag_seconds",
    "How long ago the newest transaction was committed that the replica of a clinic has replayed;"
    " +Inf if the replica cannot be used",
    ("clinic",),
    multiprocess_mode="livemax",
)


def _safe(write: Callable[P, None]) -> Callable[P, None]:
    """The same, for code that must go on when the folder of the metrics is gone."""

    def written(*args: P.args, **more: P.kwargs) -> None:
        try:
            write(*args, **more)
        except OSError as error:
            log.warning("uncounted", error=type(error).__name__)

    return written


def _show_pool(connections: int, in_use: int, waiting: int) -> None:
    CONNECTIONS.set(connections)
    IN_USE.set(in_use)
    WAITING.set(waiting)


def _count_retry(reason: str) -> None:
    RETRIES.labels(reason).inc()


def _count_replica_read(outcome: str) -> None:
    REPLICA_READS.labels(outcome).inc()


def _show_replica(clinic: str, seconds: float) -> None:
    REPLICA_LAG.labels(clinic).set(seconds)


def _count_refused(status: int) -> None:
    REFUSED.labels(status).inc()


show_pool = _safe(_show_pool)
waited, took = _safe(WAIT.observe), _safe(ROUND_TRIP.observe)
count_retry, count_refused = _safe(_count_retry), _safe(_count_refused)
count_replica_read, show_replica = _safe(_count_replica_read), _safe(_show_replica)
