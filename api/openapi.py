"""The OpenAPI document: additions to what flask-smorest reads from routes and schemas."""

import json
import re
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from importlib.resources import files
from inspect import cleandoc
from typing import Any, TypeVar

import flask
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask_smorest import Api as SmorestApi  # type: ignore[import-untyped]
from marshmallow import RAISE, Schema, fields

from api import config, deadline, document, entity_tags, idempotency, rate_limits, replicas
from api.errors import DETAILS, MEDIA_TYPE, Problem, status_of, title
from api.examples import EXAMPLES
from api.fields import Request
from api.problems import kind_of

View = TypeVar("View", bound=Callable[..., Any])
Document = dict[str, Any]


class ProblemPlace(Request):
    """A part of the request that is wrong: one of `pointer`, `parameter` and `header`."""

    pointer = fields.String(metadata={"example": "#/slot_id"})
    parameter = fields.String(metadata={"description": "a parameter of the address"})
    header = fields.String()
    detail = fields.String(required=True)


class RefusalReason(Request):
    """One reason why a slot is refused."""

    code = fields.String(required=True, metadata={"example": "TM901"})
    detail = fields.String(required=True)


class AlternativeSlot(Request):
    """An open slot in place of one that is refused."""

    id = fields.UUID(required=True)
    starts_at = fields.DateTime(required=True)
    ends_at = fields.DateTime(required=True)


class ProblemDetails(Schema):
    """RFC 9457."""

    class Meta:
        unknown = RAISE

    type = fields.String(
        required=True,
        metadata={
            "description": "the address of a page: what happened, and what to do",
            "format": "uri-reference",
            "example": "/problems/TM901",
        },
    )
    title = fields.String(required=True, metadata={"description": "the name of the status"})
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "the reason, for people"})
    code = fields.String(
        required=True, metadata={"description": "the reason, for programs; it does not change"}
    )
    request_id = fields.String(required=True)
    trace_id = fields.String(
        metadata={"description": "the trace of the request (W3C Trace Context), if it has one"}
    )
    errors = fields.List(
        fields.Nested(ProblemPlace),
        metadata={"description": "each part of the request that is wrong"},
    )
    reasons = fields.List(
        fields.Nested(RefusalReason),
        metadata={
            "description": "all reasons why a slot is refused; `code` and `detail` are the first"
        },
    )
    alternatives = fields.List(
        fields.Nested(AlternativeSlot),
        metadata={
            "description": "for a refused slot: up to five later open slots of its doctor, at"
            " which the patient has no other consultation"
        },
    )
    opens_at = fields.DateTime(
        metadata={"description": "for a video room that is closed: when it opens, or has opened"}
    )
    closes_at = fields.DateTime(
        metadata={"description": "for a video room that is closed: when it closes, or has closed"}
    )


def _name(status: int) -> str:
    """The name of a response. Names of HTTPStatus differ between versions of Python."""
    return re.sub(r"\W", "", title(status))


def _shown(status: int) -> Problem:
    """An example of a problem with this status."""
    code = _SHOWN_CODES.get(status, "")
    kind = kind_of(code)
    detail = kind.meaning if kind else DETAILS.get(status, f"{title(status)}.")
    return Problem(status, detail, code=code)


_SHOWN_CODES = {401: "TM101", 403: "TM301", 404: "TM402", 409: "TM901", 422: "TM201"}
# The codes of each function, which `make docs` reads from the database.
_RAISED = json.loads((files("api") / "problems.json").read_text())


class _Converter(OpenAPIConverter):
    """Reads from schemas what apispec leaves out."""

    def schema2jsonschema(self, schema: Any) -> Document:
        described: Document = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        if text := type(resolve_schema_instance(schema)).__doc__:
            described["description"] = cleandoc(text)
        return described

    def field2property(self, field: Any) -> Document:
        described: Document = super().field2property(field)
        if "enum" not in described and hasattr(field, "PATTERN"):
            described.setdefault("pattern", field.PATTERN)
        return described


class _Plugin(MarshmallowPlugin):
    Converter = _Converter


class Api(SmorestApi):  # type: ignore[misc]  # flask-smorest has no types
    """The OpenAPI document of the application. Every error in it is a problem."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: flask.Flask) -> None:
        super().__init__(app, spec_kwargs={"marshmallow_plugin": _Plugin()})

    def _openapi_json(self) -> flask.Response:
        if not config.current().is_documented:
            flask.abort(404)
        return flask.Response(self.text, content_type="application/json")

    @cached_property
    def text(self) -> str:
        """The document in JSON."""
        # Made for the first request, when every route is registered. It does not change later.
        found = document.finished(self.spec.to_dict(), HEADERS)
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"

    def _register_error_handlers(self) -> None:
        """Leave errors to api.errors."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            if status >= 400:
                shown = json.loads(_shown(status).body(EXAMPLES["request_id"]))
                self.spec.components.response(
                    _name(status),
                    {
                        "description": title(status),
                        "content": {MEDIA_TYPE: {"schema": ProblemDetails, "example": shown}},
                        "headers": _headers(*_ON_STATUS.get(status, ()), *_ON_EVERY_ANSWER),
                    },
                )


def text_of(app: flask.Flask) -> str:
    """The document of an application, in JSON."""
    (api,) = app.extensions["flask-smorest"]["apis"].values()
    text: str = api["ext_obj"].text
    return text


def refuses(*statuses: int) -> Callable[[View], View]:
    """Document statuses that only the database can give: 404 for a reference, 409 for a state."""

    def decorate(view: View) -> View:
        view._refusals = statuses  # type: ignore[attr-defined]
        return view

    return decorate


def also_answers(media_type: str) -> Callable[[View], View]:
    """Document a second media type of the answer, a text, for requests whose Accept prefers it."""

    def decorate(view: View) -> View:
        view._media_type = media_type  # type: ignore[attr-defined]
        return view

    return decorate


def example(**values: Any) -> Callable[[View], View]:
    """Document other examples for the ids and fields of a request than those of api.examples."""

    def decorate(view: View) -> View:
        view._examples = values  # type: ignore[attr-defined]
        return view

    return decorate


def facts(view: Callable[..., Any], rule: str, url_prefix: str | None) -> Document:
    """The facts about a route that `describe` needs, read from its decorators and its rule."""
    return {
        "manual_doc": {"operationId": view.__name__},
        "roles": getattr(view, "_roles", ()),
        "needs_no_token": getattr(view, "_needs_no_token", False),
        "refusals": getattr(view, "_refusals", ()),
        "media_type": getattr(view, "_media_type", None),
        "key_required": getattr(view, "_key_required", None),
        "examples": getattr(view, "_examples", {}),
        "has_path_id": "<uuid:" in rule,
        "takes_query": url_prefix is not None,
        "location": getattr(view, "_location", ""),
        "is_page": getattr(view, "_is_page", False),
        "minimal": getattr(view, "_minimal", False),
        "changes_version": getattr(view, "_changes_version", False),
        "from_replica": getattr(view, "_from_replica", False),
        "deprecated": getattr(view, "_deprecated", False),
        "is_counted": f"{url_prefix}{rule}".startswith(rate_limits.AUTH_PREFIX)
        or getattr(view, "_is_counted", False),
    }


def describe(doc: Document, doc_info: Document, *, method: str, **_kwargs: Any) -> Document:
    """Add roles, security, headers and error responses to the document of an operation.

    doc_info: `facts`, besides what flask-smorest knows. Returns `doc`, changed in place.
    """
    responses = doc.setdefault("responses", {})
    statuses = {400, 500, 503, 504, *doc_info["refusals"]}  # 400: a malformed deadline
    doc["security"] = []
    sentences = [doc_info["docstring"].get("description", "")]
    if doc_info["key_required"] is not None:
        sentences.append("It happens at most once for each `Idempotency-Key`.")
    if doc_info["roles"]:
        statuses |= {401, 403}
        # An empty requirement makes the other one optional.
        optional: list[Document] = [{}] if doc_info["needs_no_token"] else []
        doc["security"] = [{"bearerAuth": []}, *optional]
        sentences.append(f"Roles: {', '.join(doc_info['roles'])}.")
    else:
        sentences.append("Every caller may do this, without a token.")
    if doc_info["has_path_id"]:
        statuses.add(404)
    if "requestBody" in doc:
        statuses |= {413, 415}
    if doc_info["takes_query"]:  # 422: an unknown parameter
        statuses.add(422)
    headers = list(_ON_EVERY_ANSWER)
    if doc_info["roles"] or doc_info["is_counted"]:
        statuses.add(429)
        headers += rate_limits.HEADERS
    if doc_info["key_required"] is not None:
        statuses.add(409)
        doc.setdefault("parameters", []).append(_key_header(doc_info["key_required"]))
        headers.append("Idempotency-Replayed")
    headers += _names_of_headers(doc_info, method)
    for status in [status for status in responses if int(status) < 300]:
        responses[status].setdefault("headers", {}).update(_headers(*headers))
    parameters = doc.setdefault("parameters", [])
    if doc_info["media_type"]:
        content = responses[200].setdefault("content", {})
        content[doc_info["media_type"]] = {"schema": {"type": "string"}}
    if doc_info["changes_version"]:
        statuses |= {412, 428}
        parameters.append(_VERSION_HEADER)
    if doc_info["takes_query"]:
        parameters.append(_DEADLINE_HEADER)
    if doc_info["from_replica"]:
        parameters.append(_POSITION_HEADER)
    if doc_info["deprecated"]:
        doc["deprecated"] = True
    operation = doc_info["manual_doc"]["operationId"]
    for status in sorted(statuses):
        responses[status] = {"$ref": f"#/components/responses/{_name(status)}"}
        if codes := _codes(operation, status):
            # Beside a reference, a description replaces that of the response (OpenAPI 3.1).
            responses[status]["description"] = codes
    doc_info["docstring"]["description"] = "\n\n".join(filter(None, sentences))
    if doc_info["examples"]:
        doc[document.EXAMPLES] = doc_info["examples"]
    return doc


def _codes(operation: str, status: int) -> str:
    """The codes with which the function of an operation gives a status, as a list of Markdown."""
    codes = [
        f"- `{kind.code}`: {kind.meaning}"
        for kind in filter(None, map(kind_of, _RAISED.get(operation, ())))
        if status_of(kind.code) == status
    ]
    return "\n".join([f"{title(status)}", "", *codes]) if codes else ""


def _names_of_headers(doc_info: Document, method: str) -> list[str]:
    names = []
    if doc_info["location"]:
        names.append("Location")
    if doc_info["minimal"]:
        names.append("Preference-Applied")
    if doc_info["changes_version"] or (doc_info["takes_query"] and method.upper() == "GET"):
        names.append("ETag")
    if doc_info["is_page"]:
        names.append("Link")
    if doc_info["from_replica"] or method.upper() != "GET":
        names.append(replicas.HEADER)
    if doc_info["deprecated"]:
        names += ("Deprecation", "Sunset")
    return names


def _key_header(required: bool) -> Document:
    return {
        "in": "header",
        "name": idempotency.HEADER,
        "required": required,
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": idempotency.PATTERN,
        },
        "description": "A name for this request. If no answer arrives, send the same key and body "
        "again: the first answer is repeated, and the request is carried out at most once. With or "
        "without quotes (RFC 8941).",
        "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
    }


_VERSION_HEADER: Document = {
    "in": "header",
    "name": entity_tags.HEADER,
    # A request without it has an answer of its own, 428. Required, a client in TypeScript would not
    # compile that shows this answer.
    "required": False,
    "schema": {"type": "string", "minLength": 1},
    "description": "The ETag of the version that the caller has read, or * for any version. Without"
    " the header the answer is 428, and 412 if the resource has changed since.",
    "example": "*",
}
# If-None-Match with 304 and Prefer with 204 are not in the document: see docs/rest.md.
_DEADLINE_HEADER: Document = {
    "in": "header",
    "name": deadline.HEADER,
    "required": False,
    "schema": {"type": "integer", "minimum": 1, "maximum": deadline.LONGEST_MS},
    "description": "How long the client waits, in milliseconds. When the time is over, the request "
    "is rolled back, and the answer is 504.",
}
_POSITION_HEADER: Document = {
    "in": "header",
    "name": replicas.HEADER,
    "required": False,
    "schema": {"type": "string"},
    "description": "The newest Read-After of an answer. The list then has what that request has "
    "written; without the header it may be some seconds old.",
    "example": "7451090123456789012-1-84213",
}
# Every header that an answer can have. The document has those that an operation or a status names.
HEADERS: Document = {
    "X-Request-Id": {
        "description": "the id of the request: that of the request, or a new one",
        "schema": {"type": "string"},
        "example": "0f8fad5bd9cb469fa16570867728950e",
    },
    "Idempotency-Replayed": {
        "description": "true if this answer repeats the answer to an earlier request with this "
        "key, or to this one, if the connection to the database was lost before its answer",
        "schema": {"type": "string", "const": "true"},
    },
    **{
        name: {"description": description, "schema": {"type": "integer"}}
        for name, description in rate_limits.HEADERS.items()
    },
    **{
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in {
            "Location": "the address of the new resource",
            "Preference-Applied": "return=minimal, if the answer has no body",
            "ETag": "the version of the resource; of a list only if it is short",
            "Link": 'the next page, with rel="next"',
            replicas.HEADER: "what a later list has to have seen, for its header of this name; "
            "only if the server reads from a replica",
            "Deprecation": "since when the operation should not be used (RFC 9745)",
            "Sunset": "from when the operation may be gone (RFC 8594)",
        }.items()
    },
    "Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "RFC 6750", "schema": {"type": "string"}},
    "Accept-Encoding": {
        "description": "identity, if the body was compressed (RFC 9110, section 12.5.3)",
        "schema": {"type": "string"},
    },
    "Accept": {
        "description": "the required media type, if the body had another one",
        "schema": {"type": "string"},
    },
}
_ON_EVERY_ANSWER = ("X-Request-Id",)
_ON_STATUS: dict[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After", "Idempotency-Replayed"),  # with TM991; of a stored refusal
    415: ("Accept-Encoding", "Accept"),
    429: ("Retry-After", *rate_limits.HEADERS),
    503: ("Retry-After",),
}


def _headers(*names: str) -> Document:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
