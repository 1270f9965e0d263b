"""Routes: a flask-smorest blueprint whose views return the bytes of JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar, cast

import flask
from flask_smorest import Blueprint as SmorestBlueprint  # type: ignore[import-untyped]
from marshmallow import Schema
from werkzeug.routing import BaseConverter

from api import compression, entity_tags, links, openapi, preferences, present
from api.errors import title
from api.parsing import JSON_TYPE, Parser, refuse_query

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.datastructures import Headers

View = TypeVar("View", bound=Callable[..., Any])
Arguments = dict[str, Any]  # a body or a query, as a schema has loaded it
READS = ("GET", "HEAD")
# A longer page has no tag: its hash would take more than the rest of these headers.
TAGGED_PAGE_BYTES = 4096


class Token(BaseConverter):
    """A token in a path, as in <token:token>: base64url, which is 43 characters for 256 bits."""

    regex = "[A-Za-z0-9_-]{32,64}"


class Answer(flask.Response):
    """An answer whose body is bytes. Its headers are sent as they are.

    Werkzeug would copy them, and look for a relative Location and for a body that needs no length.
    """

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request (PEP 3333)."""
        start_response(self.status, self.headers.to_wsgi_list())
        return () if environ["REQUEST_METHOD"] == "HEAD" else cast(list[bytes], self.response)


class Blueprint(SmorestBlueprint):  # type: ignore[misc]  # flask-smorest has no types
    """Routes of one domain. The name of a view is its operationId."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, description: str, *, url_prefix: str | None = "/v1") -> None:
        super().__init__(name, f"api.resources.{name}", url_prefix=url_prefix)
        self.description = description
        self._prepare_doc_cbks.append(openapi.describe)

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
            # `_apidoc` is an attribute of flask-smorest, which reads it when it adds the route.
            facts = openapi.facts(view, rule, self.url_prefix)
            view._apidoc = getattr(view, "_apidoc", {}) | facts  # type: ignore[attr-defined]
            added: View = self.route(rule, methods=[method])(view)
            return added

        return decorate

    def body(self, schema: type[Schema]) -> Callable[[View], View]:
        """Pass the JSON body to a view: a dict with exactly the fields of `schema`."""
        # An instance: a class would be instantiated for each request.
        loader = schema()
        decorator: Callable[[View], View] = self.arguments(
            loader, required=any(f.required for f in loader.fields.values())
        )
        return decorator

    def query(self, schema: type[Schema]) -> Callable[[View], View]:
        """Pass the query to a view: a dict with exactly the fields of `schema`."""
        decorator: Callable[[View], View] = self.arguments(schema(), location="query")
        return decorator

    def answers(
        self,
        status: int,
        schema: type[Schema] | dict[str, str] | None = None,
        content_type: str = JSON_TYPE,
        *,
        location: str = "",
        minimal: bool = False,
    ) -> Callable[[View], View]:
        """Answer with `status` and what a view returns: bytes, None, or a whole Response.

        location: the address of the new resource, see links.location. minimal: a client may ask for
        no body, which is then what a GET of the resource would return. Raises Problem 422 if a
        request has a query and the view takes none, and 412 if it has the header If-Match and the
        view takes no versions.
        """
        document = self.response(
            status,
            schema,
            description=title(status),
            content_type=content_type.partition(";")[0],
        )
        # A list without an end, such as that of the events, has no link to its next page.
        cursor = schema._declared_fields.get("next_cursor") if isinstance(schema, type) else None
        is_page = cursor is not None and cursor.allow_none

        def decorate(view: View) -> View:
            parameters = signature(view).parameters
            takes_query, takes_versions = "query" in parameters, "versions" in parameters

            @wraps(view)
            def answer(*args: Any, **kwargs: Any) -> flask.Response:
                if not takes_query and self.url_prefix:
                    refuse_query()
                request = present.request()
                environ, reads = request.environ, request.method in READS
                if "HTTP_IF_MATCH" in environ and not (reads or takes_versions):
                    entity_tags.require_match(None, environ["HTTP_IF_MATCH"])
                body = view(*args, **kwargs)
                if isinstance(body, flask.Response):
                    return body
                if body is None:
                    return _without_body(status)
                whole = Answer(body, status, content_type=content_type)
                if location:
                    caller = present.variables().get("user_id", "")
                    whole.headers.add("Location", links.location(location, body, caller))
                if reads and self.url_prefix:
                    return _read(whole, body, environ, is_page)
                return _changed(whole, body, request) if minimal else whole

            answer._location = location  # type: ignore[attr-defined]  # for the document
            answer._is_page = is_page  # type: ignore[attr-defined]
            answer._minimal = minimal  # type: ignore[attr-defined]
            documented: View = document(answer)
            return documented

        return decorate


def _read(whole: Answer, body: bytes, environ: WSGIEnvironment, is_page: bool) -> flask.Response:
    """The answer to GET, with its tag; 304 if the client has it already."""
    headers = whole.headers
    if is_page:
        if link := links.next_page(environ["PATH_INFO"], environ["QUERY_STRING"], body):
            headers.add("Link", link)
        if len(body) > TAGGED_PAGE_BYTES:
            return whole
    tag = entity_tags.tag_of(body)
    headers.add("ETag", tag)
    if "HTTP_IF_MATCH" in environ:
        entity_tags.require_match(tag, environ["HTTP_IF_MATCH"])
    if "HTTP_IF_NONE_MATCH" in environ and entity_tags.is_known(tag, environ["HTTP_IF_NONE_MATCH"]):
        if len(body) >= compression.MINIMUM_BYTES:
            headers.add("Vary", "Accept-Encoding")  # as the whole answer has it
        return _without_body(304, headers)
    return whole


def _changed(whole: Answer, body: bytes, request: flask.Request) -> flask.Response:
    """The answer to a change, without its body if the client prefers that."""
    headers = whole.headers
    is_minimal = preferences.wants_minimal(request.environ.get("HTTP_PREFER", ""))
    # A new resource is rarely changed at once, so its tag is made only for a client without it.
    if is_minimal or request.method == "PATCH":
        headers.add("ETag", entity_tags.tag_of(body))
    if not is_minimal:
        return whole
    headers.add("Preference-Applied", preferences.MINIMAL)
    return _without_body(204 if whole.status_code == 200 else whole.status_code, headers)


def _without_body(status: int, headers: Headers | None = None) -> flask.Response:
    response = flask.Response(status=status, headers=headers)
    response.headers.remove("Content-Type")
    response.headers["Content-Length"] = "0"
    return response
