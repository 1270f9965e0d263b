"""A page for each kind of problem, at the address that is the `type` of its answers."""

import json
import re
from collections.abc import Mapping

from flask import Blueprint, Response, abort, render_template, request
from markupsafe import Markup, escape

from api.errors import TYPES
from api.problems import KINDS, Kind, kind_of

blp = Blueprint("problems", __name__, template_folder="../pages")

JSON, HTML = "application/json", "text/html"
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


@blp.get(TYPES)
def list_problems() -> Response:
    """All kinds of problems."""
    return _page("problems.html", {"items": [_document(kind) for kind in KINDS]})


@blp.get(f"{TYPES}/<code>")
def show_problem(code: str) -> Response:
    """What happened, and what to do."""
    kind = kind_of(code) or abort(404)
    return _page("problem.html", _document(kind))


@blp.app_template_filter("code")
def mark_code(text: str) -> Markup:
    """HTML of a text of db/errors.md, in which backquotes mark code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped


def _document(kind: Kind) -> dict[str, str]:
    return {"type": f"{TYPES}/{kind.code}", **kind._asdict()}


def _page(template: str, document: Mapping[str, object]) -> Response:
    """A page for browsers, JSON for programs."""
    if request.accept_mimetypes.best_match((JSON, HTML)) == HTML:
        response = Response(render_template(template, **document), mimetype=HTML)
        response.headers["Content-Security-Policy"] = POLICY
    else:
        response = Response(json.dumps(document), mimetype=JSON)
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.vary.add("Accept")
    return response
