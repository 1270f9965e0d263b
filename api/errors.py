"""Every error answer is application/problem+json (RFC 9457)."""

import json
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import quote

import psycopg
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from api import times
from api.logs import log

MEDIA_TYPE = "application/problem+json"
TYPES = "/problems"  # pages about the kinds of problems: api/resources/problems.py

# The HTTP status of an SQLSTATE, by prefix. A new code of class TM needs no line here.
STATUS_BY_SQLSTATE = (
    ("TM1", 401),  # no valid session
    ("TM2", 422),  # the request is not valid
    ("TM3", 403),  # the role may not do this
    ("TM4", 404),  # does not exist, or is not visible to the caller
    ("TM5", 412),  # changed since the caller has read it
    ("TM6", 428),  # the caller does not say which version it changes
    ("TM8", 429),  # too many requests or attempts
    ("TM9", 409),  # conflicts with the present state
    ("22", 422),  # data exception
    ("23502", 422),  # not null
    ("23514", 422),  # check
    ("23505", 409),  # unique
    ("23P01", 409),  # exclusion
    ("25006", 503),  # the server is read-only: a standby, or a former primary
    ("40001", 503),  # serialization failure, after the retries
    ("40P01", 503),  # deadlock, after the retries
    ("55P03", 503),  # lock timeout
    ("54001", 422),  # JSON that is nested too deeply
    ("57014", 504),  # statement timeout
    ("08", 503),  # connection
    ("57P0", 503),  # the server is starting or stopping
    ("53", 503),  # out of resources
)
IN_FLIGHT = "TM99"  # temporary: the same request is in progress
RETRY_AFTER_SECONDS = "1"

# The names of RFC 9110, section 15.5; the http module of Python has them since 3.13.
TITLES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
# Details for clients where the text of the database is meant for operators.
DETAILS = {
    409: "The request conflicts with another change. Read the present state and try again.",
    422: "A value in the request is not valid.",
    500: "An internal error. It is logged under this request id: name it when you report it.",
    503: "The service is temporarily unavailable. Try again.",
    504: "The request took too long and was rolled back. Try again, or ask for less.",
}
SAME_KEY = (
    "The service is temporarily unavailable. Send the same request again with the same"
    " Idempotency-Key: it is carried out at most once."
)
UNKNOWN = (
    "The connection to the database was lost. It is unknown whether the request was carried out:"
    " check before you send it again."
)


class Problem(Exception):  # noqa: N818
    """An answer with a status of 400 or above (RFC 9457).

    status: HTTP status. detail: text for the client, without patient data. code: SQLSTATE, or
    HTTPnnn for an error that the database does not know. errors: one {pointer | parameter | header,
    detail} for each part of the request that is wrong. more: further members of the document.
    headers: additional response headers.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code or f"HTTP{status}"
        self.errors = errors
        self.more = more or {}
        self.headers = dict(headers or {})
        if status == 401:  # RFC 9110, section 11.6.1
            self.headers.setdefault("WWW-Authenticate", 'Bearer realm="telemedicine"')
        if status in (429, 503) or self.code.startswith(IN_FLIGHT):
            self.headers.setdefault("Retry-After", RETRY_AFTER_SECONDS)

    def response(self) -> Response:
        """The answer, with the id of the present request."""
        g.problem_code = self.code
        trace = g.get("trace")
        body = self.body(g.get("request_id", ""), trace.trace_id if trace else "")
        return Response(body, self.status, self.headers, content_type=MEDIA_TYPE)

    def body(self, request_id: str, trace_id: str = "") -> str:
        """The body of the answer: JSON in ASCII."""
        document = {
            "type": f"{TYPES}/{self.code}",
            "title": title(self.status),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **({"trace_id": trace_id} if trace_id else {}),
            **self.more,
        }
        if self.errors:
            document["errors"] = self.errors
        return json.dumps(document)


def title(status: int) -> str:
    """The name of an HTTP status (RFC 9110), the same in every version of Python."""
    return TITLES.get(status) or HTTPStatus(status).phrase


def status_of(sqlstate: str) -> int:
    """The HTTP status of an SQLSTATE; 500 for one that no request should cause."""
    return next((s for prefix, s in STATUS_BY_SQLSTATE if sqlstate.startswith(prefix)), 500)


def from_database(
    sqlstate: str,
    message: str,
    column: str | None = None,
    hint: str | None = None,
    more: str = "",
) -> Problem:
    """The problem for an error of the database.

    message: shown to the client for codes of class TM only. column: the field that is wrong. hint:
    for 429, the seconds to wait before another attempt. more: the DETAIL of a refusal, such as
    those of app.refuse and app.refuse_faults: a JSON object, or empty.
    """
    status = status_of(sqlstate)
    detail = message if sqlstate.startswith("TM") and status != 500 else DETAILS[status]
    if status in (503, 504) and g.get("idempotency_key"):
        detail = SAME_KEY
    elif status == 503 and g.get("outcome_is_unknown"):
        detail = UNKNOWN
    headers = {"Retry-After": hint} if status == 429 and hint else {}
    members = json.loads(more) if more else {}
    fault = {"field": column, "detail": detail}
    faults = members.pop("faults", [fault] if column else [])
    errors = [{**_place(f["field"]), "detail": f["detail"]} for f in faults]
    return Problem(status, detail, code=sqlstate, errors=errors, more=members, headers=headers)


def pointer(*path: str | int) -> str:
    """A JSON pointer as a URI fragment (RFC 6901, section 6): pointer("items", 0) is #/items/0."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "#" + "".join("/" + quote(step, safe="~", errors="replace") for step in steps)


def _place(column: str) -> dict[str, str]:
    if column in ("Idempotency-Key", "If-Match"):
        return {"header": column}
    in_address = column in (request.view_args or {}) or request.method in ("GET", "HEAD")
    return {"parameter": column} if in_address else {"pointer": pointer(column)}


def register(app: Flask) -> None:
    """Make `app` answer every error with a problem."""
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(psycopg.Error, _from_psycopg)
    app.register_error_handler(Exception, _from_bug)


def _from_http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:  # a redirect
        return error
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return Problem(error.code, _sentence(error.code), headers=headers).response()


def _sentence(status: int) -> str:
    return {
        404: "This address does not exist.",
        405: "This address does not support that method: see the header Allow.",
        413: "The request body is too large: send at most 64 KiB.",
    }.get(status, f"{title(status)}.")


def _from_psycopg(error: psycopg.Error) -> Response:
    sqlstate = error.sqlstate or ""
    if not sqlstate:  # from psycopg itself: lost connections, pool time-outs, values it cannot send
        if isinstance(error, psycopg.DataError):
            sqlstate = "22000"
        elif isinstance(error, psycopg.OperationalError):
            sqlstate = "08000"
        else:
            return _from_bug(error)
    diagnostics = error.diag
    # Only the DETAIL of a refusal is for clients: that of PostgreSQL's own errors quotes values.
    details = diagnostics.message_detail or "" if sqlstate.startswith("TM") else ""
    problem = from_database(
        sqlstate,
        diagnostics.message_primary or "",
        diagnostics.column_name,
        diagnostics.message_hint,
        times.with_z(details.encode()).decode() if details.startswith("{") else "",
    )
    if problem.status == 500:
        return _from_bug(error)
    if not sqlstate.startswith("TM"):
        log.warning(
            "database",
            request_id=g.get("request_id", ""),
            error=type(error).__name__,
            sqlstate=sqlstate,
        )
    return problem.response()


def _from_bug(error: Exception) -> Response:
    # The message is not logged: it may quote data of patients.
    log.error(
        "bug",
        request_id=g.get("request_id", ""),
        error=type(error).__name__,
        sqlstate=getattr(error, "sqlstate", None),
        at=frames(error.__traceback__),
    )
    return Problem(500, DETAILS[500]).response()


def frames(trace: TracebackType | None) -> list[str]:
    """The last twelve frames of a traceback, as "file:line function", without the message."""
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)[-12:]]
