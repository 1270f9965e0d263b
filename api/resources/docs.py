"""Swagger UI at /docs, with nothing from anybody else's server."""

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

blp = Blueprint("docs", __name__)

OURS = Path(__file__).parent.parent / "swagger"
PAGE = "index.html"
# The package is there for its files: the current release of Swagger UI.
THEIRS = Path(str(files("flask_swagger_ui"))) / "dist"
SERVED = {
    "start.js": OURS,
    "swagger-ui.css": THEIRS,
    "swagger-ui-bundle.js": THEIRS,
    "favicon-32x32.png": THEIRS,
}
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


@blp.get("/docs")
def docs() -> Response:
    """The page."""
    return _file(OURS, PAGE)


@blp.get("/docs/<name>")
def docs_file(name: str) -> Response:
    """What the page loads."""
    if name not in SERVED:
        abort(404)
    response = _file(SERVED[name], name)
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def _file(folder: Path, name: str) -> Response:
    response = send_from_directory(folder, name)
    response.headers["Content-Security-Policy"] = POLICY
    return response
