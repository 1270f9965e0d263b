"""Health checks and metrics of this instance."""

import hmac
import json
import time

import psycopg
from flask import Response, abort, request
from marshmallow import fields, validate

from api import config, db, metrics
from api.errors import Problem
from api.fields import Choice, Row, Timestamp
from api.logs import log
from api.openapi import refuses
from api.routing import Blueprint

blp = Blueprint("health", "For load balancers and monitoring", url_prefix=None)

PING_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0  # how long the heartbeat of a running worker that was read is answered
OK = json.dumps({"status": "ok"}).encode()


class Health(Row):
    """The check passed."""

    status = fields.String(validate=validate.OneOf(["ok"]))


class Readiness(Health):
    """The check passed; what is known about the worker, which may be missing."""

    worker = Choice("WorkerState", ("running", "missing", "unknown"))
    worker_heartbeat_at = Timestamp(allow_none=True)


_readiness: dict[str, tuple[bytes, float]] = {}  # of each clinic, and when it was read


@blp.get("/health")
@blp.answers(200, Health)
def health() -> bytes:
    """Is the process alive?"""
    return OK


@blp.get("/health/live")
@blp.answers(200, Health)
def live() -> bytes:
    """Is the process alive?"""
    return OK


@blp.get("/health/ready")
@blp.answers(200, Readiness)
def ready() -> bytes:
    """Can it serve requests?

    Queries the database. 503 if it does not answer within a second or is read-only. `worker` is
    `missing` if no worker has sent a heartbeat for two leases (`WORKER_LEASE_SECONDS`): then no
    message is sent and nothing on the schedule is done, but requests are served.
    """
    db.ping(PING_SECONDS)
    return _with_worker()


def _with_worker() -> bytes:
    settings = config.current()
    readiness, read_at = _readiness.get(settings.clinic, (OK, -HEARTBEAT_SECONDS))
    if time.monotonic() - read_at < HEARTBEAT_SECONDS:
        return readiness
    lease = settings.worker_lease_seconds
    try:
        heartbeat, age = db.worker_heartbeat()
        worker = "running" if age is not None and age <= 2 * lease else "missing"
    except psycopg.Error as error:  # such as a database that is not deployed yet
        log.warning("worker_heartbeat", error=type(error).__name__, sqlstate=error.sqlstate)
        heartbeat, worker = None, "unknown"
    body = {"status": "ok", "worker": worker, "worker_heartbeat_at": heartbeat}
    readiness = json.dumps(body).encode()
    if worker == "running":  # one that starts is seen at once, by each process of the server
        _readiness[settings.clinic] = readiness, time.monotonic()
    return readiness


@blp.get("/metrics")
@refuses(401, 404)
@blp.answers(200, {"type": "string"}, content_type="text/plain")
def prometheus_metrics() -> Response:
    """Prometheus metrics

    With the setting `METRICS_TOKEN` only for who sends it as a bearer token; without it 404 in
    production.
    """
    settings = config.current()
    if settings.metrics_token:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {settings.metrics_token}".encode()):
            raise Problem(401, "Send the METRICS_TOKEN of this server as a bearer token.")
    elif settings.app_env == "production":
        abort(404)
    return metrics.exposition()
