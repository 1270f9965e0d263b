"""The Flask application. gunicorn calls create_app once, before it forks its workers."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, abort

import console
from api import (
    __version__,
    access_log,
    clinics,
    compression,
    config,
    cross_origin,
    deadline,
    delivery,
    errors,
    logs,
    metrics,
    password_hashing,
    present,
    rate_limits,
    replicas,
    resources,
)
from api.openapi import Api
from api.routing import Blueprint, Token

TITLE = "Telemedicine"
DESCRIPTION = """Doctors offer time slots, patients book them; a completed consultation has
prescriptions and payments.

Log in with `POST /v1/auth/login`, press *Authorize* and paste the `access_token`. A role that
requires a second factor gets `TM302` for every other request until the account has one. Times are
RFC 3339: send an offset; those of answers are in UTC and end with Z. Money is in minor units
(cents). Lists have pages: send `next_cursor` as `cursor` to get the next one. A request that must
not be carried out twice has an `Idempotency-Key`: if no answer arrives, send it again with the same
key and body. Every error is a problem (RFC 9457) with a stable `code`.
"""
INFO = {
    "summary": "Book consultations with doctors, and manage a clinic",
    "description": DESCRIPTION,
    "contact": {"name": "The clinic that runs this server"},
    "license": {"name": "MIT", "identifier": "MIT"},
}
SERVERS = [{"url": "/", "description": "This server"}]
# A prescription of fifty medicines with a thousand characters each fits.
MAXIMUM_BODY_BYTES = 64 * 1024


class _Application(Flask):
    """Flask without coroutines: it need not look whether each of its functions is one."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(
    settings: config.Settings | None = None, by_host: Mapping[str, config.Settings] | None = None
) -> Flask:
    """Create the application. It opens no connection: api.db.open_pool does, in each worker.

    by_host: the settings of each clinic, if there are several (api.clinics). Raises
    api.config.SettingsError if the settings do not allow a start.
    """
    if settings is None:
        settings, by_host = config.load(), clinics.load()
    logs.configure(settings.log_level)
    app = _Application("api", static_folder=None)
    app.url_map.merge_slashes = False  # /v1//slots is 404 and not a redirect
    app.url_map.converters["token"] = Token
    app.config.update(
        SETTINGS=settings,
        MAX_CONTENT_LENGTH=MAXIMUM_BODY_BYTES,
        API_TITLE=TITLE,
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"info": INFO, "servers": SERVERS},
    )
    cross_origin.register(app, settings)  # first, so that it sees the headers of every answer
    for part in (errors, logs, metrics, compression):
        part.register(app)
    clinics.register(app, by_host or {})
    app.before_request(_refuse_other_spellings)
    for limit in (rate_limits, password_hashing):
        limit.register(app, settings)
    deadline.register(app)
    delivery.register(app, settings)
    served = clinics.each(by_host or {}) or [settings]
    if any(each.database_replica_url for each in served):
        replicas.register(app)
    access_log.register(app)
    for each in served:
        each.keyring  # noqa: B018  # parsed now, not in the first request of each worker
    app.after_request(_finish)
    _register_resources(app)
    if settings.console == "on":
        console.register(app)
    return app


def _register_resources(app: Flask) -> None:
    api = Api(app)
    api.register_converter(Token, lambda _: {"type": "string", "pattern": f"^{Token.regex}$"})
    api.spec.components.security_scheme(
        "bearerAuth", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    for module in pkgutil.iter_modules(resources.__path__, "api.resources."):
        blueprint = importlib.import_module(module.name).blp
        # A blueprint of Flask itself serves pages for people, which are not part of the document.
        (api if isinstance(blueprint, Blueprint) else app).register_blueprint(blueprint)


def _refuse_other_spellings() -> None:
    # WSGI decodes /v1%2Fme to /v1/me, and Werkzeug strips //v1/me. They are other addresses (RFC
    # 3986, section 2.2), and a proxy that protects /v1/me may let them pass.
    environ = present.request().environ
    path = environ.get("RAW_URI", "").partition("?")[0]
    if environ["PATH_INFO"].startswith("//") or "%2F" in path.upper():
        abort(404)


def _finish(response: Response) -> Response:
    headers, g = response.headers, present.variables()
    if g.get("replayed"):
        headers.add("Idempotency-Replayed", "true")
    if deprecation := g.get("deprecation"):
        headers.extend(deprecation)
    headers.setdefault("Cache-Control", "no-store")  # answers hold data of patients
    headers.setdefault("Content-Security-Policy", "default-src 'none'")
    headers.add("X-Content-Type-Options", "nosniff")
    return response
