"""The REST API of this application, called in the same process through its WSGI interface.

Such a call passes everything that a call over the network passes: authentication, validation, rate
limits, the log, metrics and problem documents.
"""

import io
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask import current_app, g, request
from werkzeug.datastructures import Headers

# Of the browser's request. Not its cookies, and no header about proxies: the address of the browser
# is known already, and a second ProxyFix would read it once more.
PASSED_ON = ("HTTP_HOST", "HTTP_USER_AGENT", "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR")


class Answer(NamedTuple):
    """An answer of the REST API. body: JSON, or None without one; text: the body as it is."""

    status: int
    headers: Headers
    text: str
    body: Any

    @property
    def code(self) -> str:
        """The code of a problem; empty for a success."""
        return str(self.body.get("code", "")) if self.status >= HTTPStatus.BAD_REQUEST else ""


def send(
    method: str,
    path: str,
    *,
    query: Mapping[str, object] | None = None,
    body: object = None,
    token: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send a request and return its answer, whatever its status is.

    query: values that are None or empty are left out. token: an access token.
    """
    environ = _environ(method, path, query or {}, body)
    sent = {"X-Request-Id": g.request_id, **(headers or {})}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if trace := g.get("trace"):
        sent["traceparent"] = trace.header
    for name, value in sent.items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    began: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        began[:] = [int(status.partition(" ")[0]), Headers(headers)]
        return lambda _: None

    # A context of its own, or Flask would give both requests one `g`.
    with current_app.app_context():
        chunks = current_app.wsgi_app(environ, start_response)
        try:
            text = b"".join(chunks).decode()
        finally:
            if close := getattr(chunks, "close", None):
                close()
    status, found = began
    is_json = found.get("Content-Type", "").partition(";")[0].endswith("json")
    return Answer(status, found, text, json.loads(text) if is_json and text else None)


def _environ(method: str, path: str, query: Mapping[str, object], body: object) -> dict[str, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    parameters = urlencode(
        {name: value for name, value in query.items() if value not in (None, "")}
    )
    outer = request.environ
    environ: dict[str, Any] = {name: outer[name] for name in PASSED_ON if name in outer}
    environ |= {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": outer.get("SCRIPT_NAME", ""),
        "PATH_INFO": path,
        "QUERY_STRING": parameters,
        "RAW_URI": f"{path}?{parameters}" if parameters else path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_ACCEPT": "application/json",
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": outer["wsgi.url_scheme"],
        "wsgi.input": io.BytesIO(content),
        "wsgi.input_terminated": True,
        "wsgi.errors": outer["wsgi.errors"],
        "wsgi.multithread": outer["wsgi.multithread"],
        "wsgi.multiprocess": outer["wsgi.multiprocess"],
        "wsgi.run_once": False,
    }
    if body is not None:
        environ["CONTENT_TYPE"] = "application/json"
    return environ
