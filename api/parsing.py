"""Strict reading of JSON bodies and of queries. Every error raises a Problem (RFC 9457)."""

import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from inspect import signature
from itertools import islice
from typing import Any, NoReturn
from urllib.parse import unquote_plus, unquote_to_bytes

import flask
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from marshmallow import RAISE, Schema, ValidationError
from webargs.core import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import parse_options_header

from api import idempotency, present
from api.errors import Problem, pointer

JSON_TYPE = "application/json"
UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")  # names of UTF-8, and of its subset ASCII
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
DUPLICATE = "Given more than once."
MISENCODED = "Not UTF-8 in percent-encoding: write % as %25."
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
LONGEST_KNOWN_QUERY, MOST_KNOWN_QUERIES = 250, 1024  # bytes, and queries that are remembered
MOST_DUPLICATES = 10  # duplicate names of a body that one answer lists


class Parser(FlaskParser):
    """Reads the body and the query of a request for flask-smorest."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}  # noqa: RUF012

    def parse(  # type: ignore[override]  # every caller passes a schema
        self, argmap: Schema, *args: Any, **kwargs: Any
    ) -> Any:
        """What a schema loads from the body or the query of the present request."""
        text = present.request().query_string
        if kwargs["location"] != "query" or len(text) > LONGEST_KNOWN_QUERY:
            return super().parse(argmap, *args, **kwargs)
        return dict(self._query(argmap, text))

    # A schema loads the same from the same text, so each text is loaded once.
    @lru_cache(MOST_KNOWN_QUERIES)  # noqa: B019  # there is one parser
    def _query(self, schema: Schema, text: bytes) -> Mapping[str, Any]:
        loaded: dict[str, Any] = super().parse(schema, location="query")
        return loaded

    def load_json(self, req: flask.Request, schema: Schema) -> Any:
        """The JSON value of the body (RFC 8259). An empty body counts as {}.

        Raises Problem 400 (not JSON), 413 (too long), 415 (another media type, compression or
        character set) or 422 (an object has a name twice).
        """
        body = _read(req)
        if not body:
            return missing
        _require_plain_json(
            req.headers.get("Content-Encoding", ""), req.headers.get("Content-Type")
        )
        return _parsed(_decoded(body))

    def load_querystring(self, req: flask.Request, schema: Schema) -> Any:
        """The parameters of the query by name.

        Raises Problem 422 if one is given twice, or is not UTF-8 in percent-encoding.
        """
        misencoded = [p for p in req.query_string.split(b"&") if not _is_percent_encoded(p)]
        if misencoded:
            names = (unquote_plus(p.partition(b"=")[0].decode()) for p in misencoded)
            raise _invalid("query", {name: [MISENCODED] for name in names})
        duplicates = {name: [DUPLICATE] for name, v in req.args.lists() if len(v) > 1}
        if duplicates:
            raise _invalid("query", duplicates)
        return req.args.to_dict()

    def handle_error(
        self, error: ValidationError, req: flask.Request, schema: Schema, **kwargs: Any
    ) -> NoReturn:
        """Raise Problem 422: every field that the schema refuses, and what else is wrong."""
        for location, messages in error.messages_dict.items():
            raise _invalid(location, messages)
        raise error


def refuse_query() -> None:
    """Raise Problem 422 if the present request has a query."""
    if present.request().query_string and flask.request.args:
        raise _refusal(_unknown_parameters())


def _unknown_parameters() -> list[dict[str, str]]:
    return [{"parameter": name, "detail": "Unknown field."} for name in flask.request.args]


def _errors_besides_the_body() -> list[Mapping[str, str]]:
    """What is wrong with the query and the idempotency key of the present request."""
    view = flask.current_app.view_functions[flask.request.endpoint or ""]
    takes_query = "query" in signature(view).parameters
    errors: list[Mapping[str, str]] = [] if takes_query else [*_unknown_parameters()]
    try:
        idempotency.check(view)
    except Problem as problem:
        errors += problem.errors
    return errors


def _is_percent_encoded(text: bytes) -> bool:
    """Whether it is UTF-8 in percent-encoding (RFC 3986, section 2.1).

    Werkzeug would pass on %zz, and bytes that are not UTF-8, as a text with percent signs.
    """
    try:
        unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return False
    return not BAD_ESCAPE.search(text)


def _read(req: flask.Request) -> bytes:
    try:
        body = req.get_data()
    except ClientDisconnected:
        raise Problem(400, "The body ended early.") from None
    except ParseException:
        raise Problem(400, "The body's chunks cannot be read.") from None
    # Werkzeug reports neither a connection that ends before the body does nor a chunked body,
    # which has no length, that goes on beyond the limit: it returns what it has read so far.
    if len(body) < (req.content_length or 0):
        raise Problem(400, "The body ended early.")
    if req.content_length is None and len(body) >= (req.max_content_length or 0):
        raise RequestEntityTooLarge
    return body


@lru_cache  # the same few values in all requests
def _require_plain_json(encoding: str, content_type: str | None) -> None:
    codings = {c.strip().lower() for c in encoding.split(",")}
    if not codings <= {"", "identity"}:
        # RFC 9110, section 12.5.3: this header tells a client that its coding was refused, not
        # its media type.
        accepted = {"Accept-Encoding": "identity"}
        raise Problem(415, "Send the body without compression.", headers=accepted)
    mimetype, parameters = parse_options_header(content_type)
    if mimetype.lower() != JSON_TYPE:
        raise Problem(415, f"Send the body as {JSON_TYPE}.", headers={"Accept": JSON_TYPE})
    if parameters.get("charset", UTF_8[0]).lower() not in UTF_8:
        raise Problem(415, "Send the body in UTF-8.", headers={"Accept": JSON_TYPE})


def _decoded(body: bytes) -> str:
    # RFC 8259, section 8.1: UTF-8 without a byte order mark.
    if body.startswith(BYTE_ORDER_MARKS):
        raise Problem(400, "The body begins with a byte order mark: send JSON without one.")
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
            return _STRICT.decode(text)
        except _DuplicateNameError:
            paths = islice(_duplicate_names(_VERBATIM.decode(text)), MOST_DUPLICATES)
            errors = [{"pointer": pointer(*path), "detail": DUPLICATE} for path in paths]
            raise _refusal([*errors, *_errors_besides_the_body()]) from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, f"The body is not valid JSON at {place}.") from None
    except RecursionError:
        raise Problem(400, "The body is nested too deeply.") from None
    except ValueError:  # Python reads at most 4300 digits
        raise Problem(400, "The body has a number with too many digits.") from None


def _refuse_constant(name: str) -> NoReturn:
    # RFC 8259, section 6: NaN and Infinity are not JSON.
    raise Problem(400, f"The body is not valid JSON: {name} is not a number of JSON.")


class _DuplicateNameError(Exception):
    """An object has two members with one name."""


class _Members(list[tuple[str, Any]]):
    """The members of an object in the order of the text, duplicates included."""


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise _DuplicateNameError
    return found


# Created once: creating a decoder for each body would cost more than looking for duplicates does.
_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)
_VERBATIM = json.JSONDecoder(object_pairs_hook=_Members, parse_constant=_refuse_constant)


def _duplicate_names(document: Any) -> Iterator[list[str | int]]:
    """The paths to duplicate names of objects (RFC 8259, section 4), the outermost ones first."""
    # A step points to the step before it. Whole paths would fill the memory for a deep document.
    waiting: deque[tuple[Any, Any]] = deque([(None, document)])
    while waiting:
        step, value = waiting.popleft()
        if isinstance(value, _Members):
            for name, count in Counter(name for name, _ in value).items():
                if count > 1:
                    yield _path((step, name))
            waiting.extend(((step, name), child) for name, child in value)
        elif isinstance(value, list):
            waiting.extend(((step, index), child) for index, child in enumerate(value))


def _path(step: Any) -> list[str | int]:
    names = []
    while step:
        step, name = step
        names.append(name)
    return names[::-1]


def _invalid(location: str, messages: Any) -> Problem:
    errors = [
        {"parameter": str(path[0]), "detail": detail}
        if location == "query" and path
        else {"pointer": pointer(*path), "detail": detail}
        for path, detail in _leaves(messages)
    ]
    return _refusal([*errors, *(_errors_besides_the_body() if location != "query" else ())])


def _refusal(errors: Iterable[Mapping[str, str]]) -> Problem:
    return Problem(422, "The request is not valid.", code="TM201", errors=list(errors))


def _leaves(messages: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    if isinstance(messages, Mapping):
        for key, child in messages.items():
            yield from _leaves(child, path if key == "_schema" else (*path, key))
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            yield path, str(message)
