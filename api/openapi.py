"""The OpenAPI document: additions to what flask-smorest reads from routes and schemas."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from flask_smorest import Api as SmorestApi  # type: ignore[import-untyped]
from marshmallow import RAISE, Schema, fields

from api import idempotency, rate_limits
from api.errors import MEDIA_TYPE, title
from api.fields import Request

View = TypeVar("View", bound=Callable[..., Any])
Document = dict[str, Any]


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
    errors = fields.List(
        fields.Nested(
            Request.from_dict(
                {
                    "pointer": fields.String(metadata={"example": "#/slot_id"}),
                    "parameter": fields.String(
                        metadata={"description": "a parameter of the address"}
                    ),
                    "header": fields.String(),
                    "detail": fields.String(required=True),
                },
                name="ProblemPlace",
            )
        ),
        metadata={"description": "each part of the request that is wrong"},
    )
    reasons = fields.List(
        fields.Nested(
            Request.from_dict(
                {
                    "code": fields.String(required=True, metadata={"example": "TM901"}),
                    "detail": fields.String(required=True),
                },
                name="RefusalReason",
            )
        ),
        metadata={
            "description": "all reasons why a slot is refused; `code` and `detail` are the first"
        },
    )
    alternatives = fields.List(
        fields.Nested(
            Request.from_dict(
                {
                    "id": fields.UUID(required=True),
                    "starts_at": fields.AwareDateTime(required=True),
                    "ends_at": fields.AwareDateTime(required=True),
                },
                name="AlternativeSlot",
            )
        ),
        metadata={
            "description": "for a refused slot: up to five later open slots of its doctor, at"
            " which the patient has no other consultation"
        },
    )


class Api(SmorestApi):  # type: ignore[misc]  # flask-smorest has no types
    """The OpenAPI document of the application. Every error in it is a problem."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Leave errors to api.errors."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            if status >= 400:
                self.spec.components.response(
                    status.name,
                    {
                        "description": title(status),
                        "content": {MEDIA_TYPE: {"schema": ProblemDetails}},
                        "headers": _HEADERS.get(status, {}),
                    },
                    lazy=True,
                )


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


def facts(view: Callable[..., Any], rule: str, url_prefix: str | None) -> Document:
    """The facts about a route that `describe` needs, read from its decorators and its rule."""
    return {
        "manual_doc": {"operationId": view.__name__},
        "roles": getattr(view, "_roles", ()),
        "needs_no_token": getattr(view, "_needs_no_token", False),
        "refusals": getattr(view, "_refusals", ()),
        "media_type": getattr(view, "_media_type", None),
        "key_required": getattr(view, "_key_required", None),
        "has_path_id": "<uuid:" in rule,
        "takes_query": url_prefix is not None,
        "needs_no_log_in": f"{url_prefix}{rule}".startswith(rate_limits.AUTH_PREFIX),
    }


def describe(doc: Document, doc_info: Document, *, method: str, **_kwargs: Any) -> Document:
    """Add roles, security, Idempotency-Key and error responses to the document of an operation.

    doc_info: `facts`, besides what flask-smorest knows. Returns `doc`, changed in place.
    """
    responses = doc.setdefault("responses", {})
    statuses = {400, 500, 503, 504, *doc_info["refusals"]}  # 400: a malformed deadline
    if doc_info["roles"]:
        statuses |= {401, 403}
        # An empty requirement makes the other one optional.
        optional: list[Document] = [{}] if doc_info["needs_no_token"] else []
        doc["security"] = [{"bearerAuth": []}, *optional]
        text = doc_info["docstring"].get("description", "")
        roles = f"Roles: {', '.join(doc_info['roles'])}."
        doc_info["docstring"]["description"] = f"{text}\n\n{roles}".strip()
    if doc_info["has_path_id"]:
        statuses.add(404)
    if "requestBody" in doc:
        statuses |= {400, 413, 415}
    if doc_info["takes_query"]:  # 422: an unknown parameter
        statuses.add(422)
    if doc_info["roles"] or doc_info["needs_no_log_in"]:
        statuses.add(429)
    if doc_info["key_required"] is not None:
        statuses |= {400, 409}
        doc.setdefault("parameters", []).append(_key_header(doc_info["key_required"]))
        success = responses[201 if 201 in responses else 200]
        success.setdefault("headers", {}).update(_REPLAYED_HEADER)
    if doc_info["media_type"]:
        content = responses[200].setdefault("content", {})
        content[doc_info["media_type"]] = {"schema": {"type": "string"}}
    for status in sorted(statuses):
        responses[status] = HTTPStatus(status).name
    return doc


def _key_header(required: bool) -> Document:
    return {
        "in": "header",
        "name": idempotency.HEADER,
        "required": required,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "A name for this request. If no answer arrives, send the same key and body "
        "again: the first answer is repeated, and the request is carried out at most once. With or "
        "without quotes (RFC 8941).",
        "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
    }


_REPLAYED_HEADER = {
    "Idempotency-Replayed": {
        "description": "true if this answer repeats the answer to an earlier request with this "
        "key, or to this one, if the connection to the database was lost before its answer",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_RATE_LIMIT = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in rate_limits.HEADERS.items()
}
_RETRY_AFTER = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "string"}}}
_HEADERS: dict[int, Any] = {
    401: {"WWW-Authenticate": {"description": "RFC 6750", "schema": {"type": "string"}}},
    415: {
        "Accept-Encoding": {
            "description": "identity, if the body was compressed (RFC 9110, section 12.5.3)",
            "schema": {"type": "string"},
        },
        "Accept": {
            "description": "the required media type, if the body had another one",
            "schema": {"type": "string"},
        },
    },
    429: _RETRY_AFTER | _RATE_LIMIT,
    503: _RETRY_AFTER,
}
