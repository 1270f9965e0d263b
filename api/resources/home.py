"""The address that `make run` prints: an index for programs; people get the documentation."""

import json

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from api import __version__
from api.parsing import JSON_TYPE

blp = Blueprint("home", __name__)

DOCUMENTATION = "/docs"
INDEX = json.dumps({
    "name": "Telemedicine",
    "version": __version__,
    "documentation": DOCUMENTATION,
    "reference": "/reference",
    "openapi": "/openapi.json",
    "problems": "/problems",
    "log_in": "/v1/auth/login",
    "keys": "/.well-known/jwks.json",
    "health": "/health/ready",
})  # fmt: skip


@blp.get("/")
def index() -> AnyResponse:
    """The index, or a redirect to the documentation for a browser."""
    html = request.accept_mimetypes.best_match((JSON_TYPE, "text/html"), JSON_TYPE) != JSON_TYPE
    answer = redirect(DOCUMENTATION, 303) if html else Response(INDEX, content_type=JSON_TYPE)
    answer.headers["Vary"] = "Accept"
    return answer
