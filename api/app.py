"""The Flask application; gunicorn calls create_app once, before it forks its workers."""

import importlib
import pkgutil

from flask import Flask, Response, abort, g, request

from api import (
    __version__,
    access_log,
    config,
    delivery,
    errors,
    logs,
    metrics,
    password_hashing,
    rate_limits,
    resources,
)
from api.openapi import Api
from api.routing import Blueprint

TITLE = "Telemedicine"
DESCRIPTION = """Doctors offer time slots, patients book them; a completed consultation has
prescriptions and payments.

Log in with `POST /v1/auth/login`, press *Authorize* and paste the `access_token`. In a role that
requires a second factor every other call is refused with `TM302` until there is one. Times are
RFC 3339 with an offset; money is in minor units (cents). Lists come in pages: send `next_cursor`
back as `cursor`. What may happen only once wants an `Idempotency-Key`: send the same key and body
again when no answer came. Every error is a problem (RFC 9457) whose `code` does not change.
"""
# Enough for a prescription of fifty drugs with a thousand characters each.
MAXIMUM_BODY_BYTES = 64 * 1024


def create_app(settings: config.Settings | None = None) -> Flask:
    """The application. Opens no connection: api.db.open_pool does, in each worker.

    Raises api.config.SettingsError when the settings do not allow a start.
    """
    settings = settings or config.load()
    logs.configure(settings.log_level)
    app = Flask("api", static_folder=None)
    app.url_map.merge_slashes = False  # /v1//slots is nothing, no redirect
    app.config.update(
        SETTINGS=settings,
        MAX_CONTENT_LENGTH=MAXIMUM_BODY_BYTES,
        API_TITLE=TITLE,
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"info": {"description": DESCRIPTION}},
    )
    for part in (errors, logs, metrics):
        part.register(app)
    app.before_request(_refuse_detour)
    for bounded in (rate_limits, password_hashing):
        bounded.register(app, settings)
    delivery.register(app, settings)
    access_log.register(app)
    settings.keyring  # noqa: B018  # read now, not in each worker's first request
    app.after_request(_finish)
    _register_resources(app)
    return app


def _register_resources(app: Flask) -> None:
    api = Api(app)
    api.spec.components.security_scheme(
        "bearerAuth", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    for module in pkgutil.iter_modules(resources.__path__, "api.resources."):
        blueprint = importlib.import_module(module.name).blp
        # A plain one serves pages for people, which are not part of what they describe.
        (api if isinstance(blueprint, Blueprint) else app).register_blueprint(blueprint)


def _refuse_detour() -> None:
    # WSGI takes /v1%2Fme for /v1/me, and Werkzeug //v1/me; they are other addresses (RFC 3986,
    # section 2.2), and whoever guards addresses in front of us may not know them for the same.
    path = request.environ.get("RAW_URI", "").partition("?")[0]
    if request.environ["PATH_INFO"].startswith("//") or "%2F" in path.upper():
        abort(404)


def _finish(response: Response) -> Response:
    if g.get("replayed"):
        response.headers["Idempotency-Replayed"] = "true"
    response.headers.setdefault("Cache-Control", "no-store")  # answers are about patients
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
