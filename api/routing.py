"""Routes: a flask-smorest blueprint whose views return the bytes of JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar, cast

import flask
from flask_smorest import Blueprint as SmorestBlueprint  # type: ignore[import-untyped]
from marshmallow import Schema

from api import openapi
from api.errors import title
from api.parsing import JSON_TYPE, Parser, refuse_query

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

View = TypeVar("View", bound=Callable[..., Any])
Arguments = dict[str, Any]  # a body or a query, as a schema has loaded it


class Answer(flask.Response):
    """An answer whose body is bytes. Its headers are sent as they are.

    Werkzeug would copy them, and look for a relative Location and for a body that needs no length.
    """

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request (PEP 3333)."""
        start_response(self.status, self.headers.to_wsgi_list())
        return cast(list[bytes], self.response)


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
    ) -> Callable[[View], View]:
        """Answer with `status` and what a view returns: bytes, None, or a whole Response.

        Raises Problem 422 if a request has a query and the view takes none.
        """
        document = self.response(
            status, schema, description=title(status), content_type=content_type
        )

        def decorate(view: View) -> View:
            takes_query = "query" in signature(view).parameters

            @wraps(view)
            def answer(*args: Any, **kwargs: Any) -> flask.Response:
                if not takes_query and self.url_prefix:
                    refuse_query()
                body = view(*args, **kwargs)
                if isinstance(body, flask.Response):
                    return body
                if body is not None:
                    return Answer(body, status, content_type=content_type)
                response = flask.Response(status=status)
                del response.headers["Content-Type"]
                return response

            documented: View = document(answer)
            return documented

        return decorate
