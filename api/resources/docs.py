"""Pages for people: Swagger UI at /docs, Redoc at /reference. All their files come from here."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

from api import config

blp = Blueprint("docs", __name__)

PAGES = Path(__file__).parent.parent / "pages"
# The packages are used for their files only: current releases of Swagger UI and Redoc.
SWAGGER = Path(str(files("flask_swagger_ui"))) / "dist"
REDOC = Path(str(files("flask_openapi3_redoc"))) / "templates/redoc/js/redoc.standalone.js"
LOGO_ELSEWHERE = "https://cdn.redoc.ly/redoc/logo-mini.svg"
SERVED = {
    "docs.js": PAGES,
    "reference.js": PAGES,
    "page.css": PAGES,
    "swagger-ui.css": SWAGGER,
    "swagger-ui-bundle.js": SWAGGER,
    "favicon-32x32.png": SWAGGER,
}
# Both programs make empty style elements, which they fill through the CSSOM, and Redoc has one text
# of styles: the sha256 of both. A browser says in its console which sha256 another version needs.
STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)
POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "connect-src 'self'",
    f"style-src 'self' {' '.join(STYLES)}",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
))  # fmt: skip


@blp.before_request
def _require_documentation() -> None:
    if not config.current().is_documented:
        abort(404)


@blp.get("/docs")
def docs() -> Response:
    """Every operation, to try."""
    return _file(PAGES, "docs.html")


@blp.get("/reference")
def reference() -> Response:
    """Every operation, to read."""
    return _file(PAGES, "reference.html")


@blp.get("/docs/<name>")
def docs_file(name: str) -> Response:
    """A file that the pages load."""
    if name == REDOC.name:
        response = Response(_redoc(), content_type="text/javascript; charset=utf-8")
    elif name in SERVED:
        response = _file(SERVED[name], name)
    else:
        abort(404)
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def _file(folder: Path, name: str) -> Response:
    response = send_from_directory(folder, name)
    response.headers["Content-Security-Policy"] = POLICY
    return response


@cache
def _redoc() -> str:
    """Redoc, with a picture of this server in place of the logo that it loads from another one."""
    return REDOC.read_text().replace(LOGO_ELSEWHERE, "/docs/favicon-32x32.png")
