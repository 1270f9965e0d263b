"""Requests of web pages from other origins (CORS, the Fetch standard)."""

from flask import Flask, Response
from flask_cors import CORS

from api import entity_tags, idempotency, rate_limits, replicas
from api.config import Settings

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Beyond those that any page may send, such as Accept.
REQUEST_HEADERS = (
    *("Authorization", "Content-Type", idempotency.HEADER, entity_tags.HEADER, "If-None-Match"),
    *("Prefer", replicas.HEADER, "Request-Deadline-Ms"),
    *("Request-Id", "X-Request-Id", "traceparent", "tracestate"),
)
# Beyond those that any page may read, such as Content-Type.
ANSWER_HEADERS = (
    *("ETag", "Location", "Link", "Idempotency-Replayed", "Preference-Applied", replicas.HEADER),
    "Retry-After",
    *rate_limits.HEADERS,
    *("Deprecation", "Sunset", "Request-Id", "X-Request-Id", "traceresponse", "WWW-Authenticate"),
)
PREFLIGHT_SECONDS = (
    7200  # for which a browser remembers what is allowed; browsers keep it no longer
)


def register(app: Flask, settings: Settings) -> None:
    """Let pages of ALLOWED_ORIGINS send requests to `app`. There are no cookies, so without any."""
    if origins := settings.origins:
        CORS(
            app,
            origins=origins,
            methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            expose_headers=ANSWER_HEADERS,
            max_age=PREFLIGHT_SECONDS,
            always_send=False,
            vary_header=False,
        )
        app.after_request(_vary)


def _vary(response: Response) -> Response:
    # Also for another origin and for none. Flask-CORS itself leaves it out for a single origin.
    response.headers.add("Vary", "Origin")
    return response
