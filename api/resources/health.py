"""Health checks and metrics of this instance."""

import json

from flask import Response
from marshmallow import fields, validate

from api import db, metrics
from api.fields import Row
from api.routing import Blueprint

blp = Blueprint("health", "For load balancers and monitoring", url_prefix=None)

PING_SECONDS = 1.0
OK = json.dumps({"status": "ok"}).encode()


class Health(Row):
    """The check passed."""

    status = fields.String(validate=validate.OneOf(["ok"]))


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
@blp.answers(200, Health)
def ready() -> bytes:
    """Can it serve requests?

    Queries the database. 503 if it does not answer within a second or is read-only.
    """
    db.ping(PING_SECONDS)
    return OK


@blp.get("/metrics")
@blp.answers(200, {"type": "string"}, content_type="text/plain")
def prometheus_metrics() -> Response:
    """Prometheus metrics"""
    return metrics.exposition()
