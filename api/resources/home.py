"""The address that `make run` prints: an index for programs; people get the documentation.

A server without documentation (the setting DOCUMENTATION) shows the index to everybody.
"""

import json

from flask import Blueprint, Response, redirect, request
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
    """The index, or a redirect to the documentation for a browser."""
    if not config.current().is_documented:
        return Response(INDEX, content_type=JSON_TYPE)
    html = request.accept_mimetypes.best_match((JSON_TYPE, "text/html"), JSON_TYPE) != JSON_TYPE
    answer = (
        redirect(DOCUMENTATION, 303)
        if html
        else Response(INDEX_WITH_DOCUMENTATION, content_type=JSON_TYPE)
    )
    answer.headers["Vary"] = "Accept"
    return answer
