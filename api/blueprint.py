"""flask-smorest's blueprint with this API's manners, in its answers and in its document."""

import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from http import HTTPStatus
from inspect import signature
from itertools import islice
from typing import Any, NoReturn, TypeVar

import flask
from flask_smorest import Api as SmorestApi  # type: ignore[import-untyped]
from flask_smorest import Blueprint as SmorestBlueprint
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from marshmallow import RAISE, Schema, ValidationError, fields
from webargs.core import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from api import rate_limits
from api.errors import MEDIA_TYPE, Problem, pointer, title
from api.fields import Request

View = TypeVar("View", bound=Callable[..., Any])
Arguments = dict[str, Any]  # what a schema has made of a body or a query

# RFC 8941, section 3.3.3 (sf-string), or the same characters bare.
QUOTED_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
BARE_KEY = re.compile(r"[!#-~][ -~]*")
JSON_TYPE = "application/json"
UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")  # names of it, and of a part of it
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
TWICE = "Given more than once."
MOST_PLACES = 10  # of names that stand twice in a body


class ProblemDetails(Schema):
    """RFC 9457."""

    class Meta:
        unknown = RAISE

    type = fields.String(required=True, metadata={"example": "urn:telemedicine:problem:tm901"})
    title = fields.String(required=True, metadata={"description": "the status in words"})
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "what is wrong, for people"})
    code = fields.String(required=True, metadata={"description": "what is wrong, for programs"})
    request_id = fields.String(required=True)
    errors = fields.List(
        fields.Nested(
            Request.from_dict(
                {
                    "pointer": fields.String(metadata={"example": "#/slot_id"}),
                    "parameter": fields.String(metadata={"description": "in the address"}),
                    "header": fields.String(),
                    "detail": fields.String(required=True),
                },
                name="ProblemPlace",
            )
        ),
        metadata={"description": "each part of the request that is wrong"},
    )


class Parser(FlaskParser):
    """Reads bodies and queries, and refuses them as problems."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}  # noqa: RUF012

    def load_json(self, req: flask.Request, schema: Schema) -> Any:
        """The body; nothing at all counts as {}. Raises Problem 400, 413, 415 and 422."""
        body = _read(req)
        if not body:
            return missing
        _require_plain_json(req)
        return _parsed(_decoded(body))

    def load_querystring(self, req: flask.Request, schema: Schema) -> Any:
        """The query, in which each parameter stands once."""
        twice = {name: [TWICE] for name, v in req.args.lists() if len(v) > 1}
        if twice:
            raise _invalid("query", twice)
        return req.args.to_dict()

    def handle_error(
        self, error: ValidationError, req: flask.Request, schema: Schema, **kwargs: Any
    ) -> NoReturn:
        """Raise Problem 422 with a pointer to each field."""
        for location, messages in error.messages_dict.items():
            raise _invalid(location, messages)
        raise error


class Blueprint(SmorestBlueprint):  # type: ignore[misc]  # flask-smorest has no types
    """Routes of one domain. A view's name is its operationId; what it returns are JSON's bytes."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, description: str, *, url_prefix: str | None = "/v1") -> None:
        super().__init__(name, f"api.resources.{name}", url_prefix=url_prefix)
        self.description = description
        self._prepare_doc_cbks.append(self._document_manners)

    def get(self, rule: str) -> Callable[[View], View]:
        """Route GET requests for `rule` to a view."""
        return self._route(rule, "GET")

    def post(self, rule: str) -> Callable[[View], View]:
        """Route POST requests for `rule` to a view."""
        return self._route(rule, "POST")

    def patch(self, rule: str) -> Callable[[View], View]:
        """Route PATCH requests for `rule` to a view."""
        return self._route(rule, "PATCH")

    def delete(self, rule: str) -> Callable[[View], View]:
        """Route DELETE requests for `rule` to a view."""
        return self._route(rule, "DELETE")

    def _route(self, rule: str, method: str) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            document = {"operationId": view.__name__}
            # `_apidoc` is flask-smorest's; it is read when the route is added.
            view._apidoc = getattr(view, "_apidoc", {}) | {  # type: ignore[attr-defined]
                "manual_doc": document,
                "roles": getattr(view, "_roles", ()),
                "needs_no_token": getattr(view, "_needs_no_token", False),
                "refusals": getattr(view, "_refusals", ()),
                "idempotency_key": getattr(view, "_idempotency_key", None),
                "has_path_id": "<uuid:" in rule,
                "is_sign_in": f"{self.url_prefix}{rule}".startswith(rate_limits.SIGN_INS),
            }
            added: View = self.route(rule, methods=[method])(view)
            return added

        return decorate

    def body(self, schema: type[Schema]) -> Callable[[View], View]:
        """Give a view the JSON body as its next argument, a dict of exactly the schema's fields."""
        decorator: Callable[[View], View] = self.arguments(
            schema, required=any(f.required for f in schema().fields.values())
        )
        return decorator

    def query(self, schema: type[Schema]) -> Callable[[View], View]:
        """Give a view the query as its next argument, a dict of exactly the schema's fields."""
        decorator: Callable[[View], View] = self.arguments(schema, location="query")
        return decorator

    def answers(
        self,
        status: int,
        schema: type[Schema] | dict[str, str] | None = None,
        content_type: str = JSON_TYPE,
    ) -> Callable[[View], View]:
        """Send what a view returns (JSON's bytes, or nothing at all) with this status."""
        document = self.response(
            status, schema, description=title(status), content_type=content_type
        )

        def decorate(view: View) -> View:
            takes_query = "query" in signature(view).parameters

            @wraps(view)
            def answer(*args: Any, **kwargs: Any) -> flask.Response:
                if not takes_query and self.url_prefix:
                    _refuse_query()
                body = view(*args, **kwargs)
                if isinstance(body, flask.Response):
                    return body
                response = flask.Response(body, status, content_type=content_type)
                if body is None:
                    del response.headers["Content-Type"]
                return response

            documented: View = document(answer)
            return documented

        return decorate

    def _document_manners(
        self, doc: Arguments, doc_info: Arguments, *, method: str, **_kwargs: Any
    ) -> Arguments:
        """Add to an operation's document what its decorators do: roles, key and refusals."""
        responses = doc.setdefault("responses", {})
        statuses = {500, 503, 504, *doc_info["refusals"]}
        if doc_info["roles"]:
            statuses |= {401, 403}
            # An empty requirement makes the other one optional.
            optional: list[Arguments] = [{}] if doc_info["needs_no_token"] else []
            doc["security"] = [{"bearerAuth": []}, *optional]
            text = doc_info["docstring"].get("description", "")
            who = f"Roles: {', '.join(doc_info['roles'])}."
            doc_info["docstring"]["description"] = f"{text}\n\n{who}".strip()
        if doc_info["has_path_id"]:
            statuses.add(404)
        if "requestBody" in doc:
            statuses |= {400, 413, 415}
        if self.url_prefix:  # an unknown parameter in the query
            statuses.add(422)
        if doc_info["roles"] or doc_info["is_sign_in"]:
            statuses.add(429)
        if doc_info["idempotency_key"]:
            statuses |= {400, 409}
            doc.setdefault("parameters", []).append(doc_info["idempotency_key"])
            responses[201 if 201 in responses else 200].setdefault("headers", {}).update(
                _REPLAYED_HEADER
            )
        for status in sorted(statuses):
            responses[status] = HTTPStatus(status).name
        return doc


class Api(SmorestApi):  # type: ignore[misc]
    """The document, in which every error is a problem."""

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


def idempotent(*, key_required: bool) -> Callable[[View], View]:
    """Give a view the header Idempotency-Key as `idempotency_key`: a text, or None without one.

    Answers 400 to a malformed key, and with `key_required` to a missing one.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def keyed(*args: Any, **kwargs: Any) -> Any:
            flask.g.idempotency_key = _idempotency_key(key_required)
            return view(*args, idempotency_key=flask.g.idempotency_key, **kwargs)

        keyed._idempotency_key = _key_header(key_required)  # type: ignore[attr-defined]
        return keyed  # type: ignore[return-value]

    return decorate


def _idempotency_key(required: bool) -> str | None:
    given = flask.request.headers.get("Idempotency-Key")
    if given is None and not required:
        return None
    header = (given or "").strip()
    quoted = QUOTED_KEY.fullmatch(header)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    if not (quoted or BARE_KEY.fullmatch(header)) or not 1 <= len(key) <= 255:
        detail = "The header Idempotency-Key has to be there once: 1 to 255 printable characters."
        raise Problem(400, detail, errors=[{"header": "Idempotency-Key", "detail": detail}])
    return key


def _read(req: flask.Request) -> bytes:
    try:
        body = req.get_data()
    except ClientDisconnected:
        raise Problem(400, "The body ended early.") from None
    except ParseException:
        raise Problem(400, "The body's chunks cannot be read.") from None
    # Werkzeug takes the end of the connection for the end of the body, and stops reading chunks,
    # which have no length, at the limit; both without a word.
    if len(body) < (req.content_length or 0):
        raise Problem(400, "The body ended early.")
    if req.content_length is None and len(body) >= (req.max_content_length or 0):
        raise RequestEntityTooLarge
    return body


def _require_plain_json(req: flask.Request) -> None:
    codings = {c.strip().lower() for c in req.headers.get("Content-Encoding", "").split(",")}
    if not codings <= {"", "identity"}:
        # RFC 9110, section 12.5.3: nobody shall take it for a complaint about the media type.
        accepted = {"Accept-Encoding": "identity"}
        raise Problem(415, "The body has to be sent without compression.", headers=accepted)
    if req.mimetype != JSON_TYPE:
        raise Problem(415, f"The body has to be {JSON_TYPE}.", headers={"Accept": JSON_TYPE})
    if req.mimetype_params.get("charset", UTF_8[0]).lower() not in UTF_8:
        raise Problem(415, "The body has to be in UTF-8.", headers={"Accept": JSON_TYPE})


def _decoded(body: bytes) -> str:
    # RFC 8259, section 8.1.
    if body.startswith(BYTE_ORDER_MARKS):
        raise Problem(400, "The body begins with a byte order mark, which JSON does not have.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "The body is not in UTF-8.") from None
    if "\0" in text[:2]:  # UTF-16 or UTF-32: JSON begins with two characters of ASCII
        raise Problem(400, "The body is not in UTF-8.")
    return text


def _parsed(text: str) -> Any:
    try:
        try:
            return _ONCE.decode(text)
        except _TwiceError:
            raise _refused(
                {"pointer": pointer(*path), "detail": TWICE}
                for path in islice(_names_given_twice(_AS_WRITTEN.decode(text)), MOST_PLACES)
            ) from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, f"The body is not JSON that can be read, at {place}.") from None
    except RecursionError:
        raise Problem(400, "The body is nested too deeply.") from None
    except ValueError:  # Python reads no more than 4300 digits
        raise Problem(400, "The body has a number with too many digits.") from None


def _refuse_constant(name: str) -> NoReturn:
    # RFC 8259, section 6.
    raise Problem(400, f"The body is not JSON that can be read: {name} is no number there.")


class _TwiceError(Exception):
    """A name stands twice in an object."""


class _Members(list[tuple[str, Any]]):
    """An object as it is written."""


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise _TwiceError
    return found


# Made once: that saves more than it costs to look for names that stand twice.
_ONCE = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)
_AS_WRITTEN = json.JSONDecoder(object_pairs_hook=_Members, parse_constant=_refuse_constant)


def _names_given_twice(document: Any) -> Iterator[list[str | int]]:
    """The paths to names that stand twice in one object (RFC 8259, section 4), outermost first."""
    # Each way points to the one before it: whole paths would fill the memory for a deep document.
    waiting: deque[tuple[Any, Any]] = deque([(None, document)])
    while waiting:
        way, value = waiting.popleft()
        if isinstance(value, _Members):
            for name, times in Counter(name for name, _ in value).items():
                if times > 1:
                    yield _path((way, name))
            waiting.extend(((way, name), below) for name, below in value)
        elif isinstance(value, list):
            waiting.extend(((way, number), below) for number, below in enumerate(value))


def _path(way: Any) -> list[str | int]:
    steps = []
    while way:
        way, step = way
        steps.append(step)
    return steps[::-1]


def _refuse_query() -> None:
    if flask.request.args:
        raise _invalid("query", {name: ["Unknown field."] for name in flask.request.args})


def _invalid(location: str, messages: Any) -> Problem:
    return _refused(
        {"parameter": str(path[0])} | {"detail": detail}
        if location == "query" and path
        else {"pointer": pointer(*path), "detail": detail}
        for path, detail in _leaves(messages)
    )


def _refused(errors: Iterable[Mapping[str, str]]) -> Problem:
    return Problem(422, "The request is not valid.", code="TM201", errors=list(errors))


def _leaves(messages: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    if isinstance(messages, Mapping):
        for key, below in messages.items():
            yield from _leaves(below, path if key == "_schema" else (*path, key))
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            yield path, str(message)


def _key_header(required: bool) -> Arguments:
    return {
        "in": "header",
        "name": "Idempotency-Key",
        "required": required,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "Names this request. Send the same key and body again when no answer came: "
        "the first answer is repeated and nothing is done twice. Bare, or a quoted string "
        "(RFC 8941).",
        "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
    }


_REPLAYED_HEADER = {
    "Idempotency-Replayed": {
        "description": "true when this answer repeats that of an earlier request with this key, "
        "or of this one, when the connection to the database was lost before its answer",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_RATE_LIMIT = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in rate_limits.HEADERS.items()
}
_RETRY_AFTER = {"Retry-After": {"description": "seconds", "schema": {"type": "string"}}}
_HEADERS: dict[int, Any] = {
    401: {"WWW-Authenticate": {"description": "RFC 6750", "schema": {"type": "string"}}},
    415: {
        "Accept-Encoding": {
            "description": "identity, if the body was compressed (RFC 9110, section 12.5.3)",
            "schema": {"type": "string"},
        },
        "Accept": {
            "description": "the media type that is wanted, if it was another one",
            "schema": {"type": "string"},
        },
    },
    429: _RETRY_AFTER | _RATE_LIMIT,
    503: _RETRY_AFTER,
}
