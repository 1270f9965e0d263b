"""The console: pages for people, a client of the REST API and of nothing else.

Each page calls the REST API in the same process (console/rest.py), as an app does over the network.
What the console cannot do, no app can: docs/console.md.
"""

import importlib
import json
import pkgutil
from functools import partial
from mimetypes import guess_type
from pathlib import Path

from flask import Blueprint, Flask, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from console import page, pages, refusals, safety, visit
from console.visit import LogInRequired, Refused

PROBLEM = "application/problem+json"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# Addresses of programs: their errors stay problem documents, whatever the client accepts.
OF_PROGRAMS = ("/v1/", "/health", "/metrics", "/openapi.json", "/.well-known/")

NAME = "console"


def register(app: Flask) -> None:
    """Add the pages to `app`."""
    blp = Blueprint(NAME, __name__)
    for module in pkgutil.iter_modules(pages.__path__, "console.pages."):
        importlib.import_module(module.name).add_to(blp)
    for name, path in page.FILES.items():
        blp.add_url_rule(f"/{path.name}", name, partial(_file, path))
    blp.before_request(_require_own_form)
    app.register_blueprint(blp)
    # `/` belongs to the API, which shows this page to people: api/resources/home.py.
    app.extensions["home_page"] = pages.home
    app.register_error_handler(LogInRequired, _to_log_in)
    app.register_error_handler(Refused, _show_refusal)
    visit.register(app)  # before the next one, so that it runs after it
    app.after_request(_show_problem)


def _file(path: Path) -> Response:
    response = Response(path.read_bytes(), mimetype=guess_type(path)[0])
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def _require_own_form() -> Response | None:
    if request.method not in UNSAFE or safety.is_own_form():
        return None
    return page.respond("stale.html", 403, None, address=request.path)


def _to_log_in(_: LogInRequired) -> AnyResponse:
    return redirect(pages.log_in_address(_here()), 303)


def _here() -> str:
    """The address of this page. A form is read again at its own address."""
    return _address() if request.method == "GET" else request.path


def _address() -> str:
    """The address of this page, or what of it fits into the query of another address."""
    address = request.full_path.rstrip("?")
    return address if len(address) <= pages.LONGEST_ADDRESS else request.path


def _show_refusal(refused: Refused) -> AnyResponse:
    answer = refused.answer
    if answer.code == visit.NEEDS_SECOND_FACTOR:
        return redirect(url_for("console.mfa", required=1, next=_here()), 303)
    response = _problem_page(answer.body, answer.headers.get("Retry-After", ""))
    if wait := answer.headers.get("Retry-After"):
        response.headers["Retry-After"] = wait
    return response


def _show_problem(response: Response) -> Response:
    """Show people a page in place of a problem document."""
    if response.mimetype != PROBLEM or not _is_for_people():
        return response
    shown = _problem_page(json.loads(response.get_data()), response.headers.get("Retry-After", ""))
    response.set_data(shown.get_data())
    for name in ("Content-Type", *page.HEADERS):
        response.headers[name] = shown.headers[name]
    return response


def _is_for_people() -> bool:
    if request.blueprint == NAME:
        return True
    unknown = request.url_rule is None and not request.path.startswith(OF_PROGRAMS)
    accepted = request.accept_mimetypes
    return unknown and accepted["text/html"] > accepted["application/json"]


def _problem_page(problem: dict[str, object], retry_after: str) -> Response:
    status = int(str(problem["status"]))
    # The profile only if it is read already: the API may be what fails.
    return page.respond(
        "problem.html",
        status,
        visit.current().me,
        sentence=refusals.sentence(problem, retry_after),
        problem=problem,
        again=_address() if status >= 429 else "",
        resent=_kept_entries(),
    )


def _kept_entries() -> list[tuple[str, str]]:
    """The entries of a form with an idempotency key, which may be sent again as it is.

    None of a form with a password, which no page shows: it has to be filled in again.
    """
    if request.method != "POST" or "key" not in request.form:
        return []
    if any("password" in name for name in request.form):
        return []
    entries = request.form.items(multi=True)  # a name has several values if several are chosen
    return [(name, value) for name, value in entries if name != safety.FIELD]
