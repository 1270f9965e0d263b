"""Swagger UI at /docs. All its files come from this server."""

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

blp = Blueprint("docs", __name__)

OWN_FILES = Path(__file__).parent.parent / "swagger"
PAGE = "index.html"
# The package is used for its files only: the current release of Swagger UI.
PACKAGE_FILES = Path(str(files("flask_swagger_ui"))) / "dist"
SERVED = {
    "start.js": OWN_FILES,
    "swagger-ui.css": PACKAGE_FILES,
    "swagger-ui-bundle.js": PACKAGE_FILES,
    "favicon-32x32.png": PACKAGE_FILES,
}
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


@blp.get("/docs")
def docs() -> Response:
    """The page."""
    return _file(OWN_FILES, PAGE)


@blp.get("/docs/<name>")
def docs_file(name: str) -> Response:
    """A file that the page loads."""
    if name not in SERVED:
        abort(404)
    response = _file(SERVED[name], name)
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def _file(folder: Path, name: str) -> Response:
    response = send_from_directory(folder, name)
    response.headers["Content-Security-Policy"] = POLICY
    return response
