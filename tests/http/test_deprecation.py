"""Routes that are marked as deprecated."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from marshmallow import fields

from api import config
from api.app import create_app
from api.auth import signed_in
from api.deprecation import deprecated
from api.fields import Row
from api.routing import Blueprint
from tests.support.client import Client
from tests.support.server import environment

HEADERS = {
    "Deprecation": "@1798761600",  # RFC 9745, section 2.1
    "Sunset": "Thu, 01 Jul 2027 00:00:00 GMT",
    "Link": '</v2/greeting>; rel="successor-version"',
}


class Greeting(Row):
    """A greeting."""

    text = fields.String()


@pytest.fixture(scope="module")
def app() -> Flask:
    """The application with a route that is marked, one that is marked and closed, and another."""
    app = create_app(config.load(environment("postgresql://nowhere")))
    blp = Blueprint("old", "Old routes")
    mark = deprecated(since=date(2027, 1, 1), sunset=date(2027, 7, 1), successor="/v2/greeting")

    @blp.get("/greeting")
    @mark
    @blp.answers(200, Greeting)
    def greet() -> bytes:
        """Greet"""
        return b'{"text": "Hello"}'

    @blp.get("/secret-greeting")
    @mark
    @signed_in()
    @blp.answers(200, Greeting)
    def greet_secretly() -> bytes:
        """Greet secretly"""
        return b'{"text": "Psst"}'

    @blp.get("/new-greeting")
    @blp.answers(200, Greeting)
    def greet_anew() -> bytes:
        """Greet in another way"""
        return b'{"text": "Hi"}'

    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(blp)
    return app


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/greeting", 200), ("/v1/greeting?x=1", 422), ("/v1/secret-greeting", 401)],
)
def test_marked_route_sends_its_end_with_every_answer(app: Flask, path: str, status: int) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_other_route_sends_no_end(app: Flask) -> None:
    answer = app.test_client().get("/v1/new-greeting")
    assert answer.status_code == 200
    assert not HEADERS.keys() & answer.headers.keys()


def test_marked_route_is_deprecated_in_the_document(app: Flask) -> None:
    paths: dict[str, Any] = app.test_client().get("/openapi.json").get_json()["paths"]
    marked = paths["/v1/greeting"]["get"]
    assert marked["deprecated"] is True
    assert {"Deprecation", "Sunset"} <= marked["responses"]["200"]["headers"].keys()
    assert "deprecated" not in paths["/v1/new-greeting"]["get"]


def test_no_route_of_this_version_is_deprecated(stranger: Client) -> None:
    # docs/rest.md and the CHANGELOG name a route that is.
    operations = [
        operation
        for methods in stranger.contract.document["paths"].values()
        for method, operation in methods.items()
        if method != "parameters"
    ]
    assert not [o["operationId"] for o in operations if o.get("deprecated")]
