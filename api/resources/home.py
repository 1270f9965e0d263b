"""The address that `make run` prints: an index for programs, the console for people.

Without the console (the setting CONSOLE) people get the documentation, and without that (the
setting DOCUMENTATION) the index as well.
"""

import json

from flask import Blueprint, Response, current_app, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from api import __version__, config
from api.parsing import JSON_TYPE

blp = Blueprint("home", __name__)

DOCUMENTATION = "/docs"
NAME = {"name": "Telemedicine", "version": __version__}
DOCUMENTED = {"documentation": DOCUMENTATION, "reference": "/reference", "openapi": "/openapi.json"}
OTHERS = {
    "problems": "/problems",
    "log_in": "/v1/auth/login",
    "keys": "/.well-known/jwks.json",
    "health": "/health/ready",
}
INDEX = json.dumps(NAME | OTHERS)
INDEX_WITH_DOCUMENTATION = json.dumps(NAME | DOCUMENTED | OTHERS)


@blp.get("/")
def index() -> AnyResponse:
    """The index for programs, a page for people."""
    documented = config.current().is_documented
    accepted = (JSON_TYPE, "text/html")
    is_person = request.accept_mimetypes.best_match(accepted, JSON_TYPE) != JSON_TYPE
    page = current_app.extensions.get("home_page")
    answer: AnyResponse
    if is_person and page:
        answer = page()
    elif is_person and documented:
        answer = redirect(DOCUMENTATION, 303)
    else:
        text = INDEX_WITH_DOCUMENTATION if documented else INDEX
        answer = Response(text, content_type=JSON_TYPE)
    if page or documented:
        answer.headers["Vary"] = "Accept"
    return answer
