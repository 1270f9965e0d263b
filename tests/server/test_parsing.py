"""api/parsing.py: a query is loaded once, and never shared between requests."""

from __future__ import annotations

import pytest
from flask import Flask
from marshmallow import fields

from api.errors import Problem
from api.fields import Request
from api.parsing import LONGEST_KNOWN_QUERY, Parser


class Query(Request):
    n = fields.Integer(load_default=1)


class Other(Request):
    n = fields.String(load_default="none")


@pytest.mark.parametrize("padding", ["", "0" * LONGEST_KNOWN_QUERY])
def test_query_that_was_loaded_before_is_loaded_by_its_own_schema(padding: str) -> None:
    parser, query, other = Parser(), Query(), Other()
    with Flask("parsing").test_request_context(f"/?n={padding}7"):
        for _ in range(2):
            loaded = parser.parse(query, location="query")
            assert loaded == {"n": 7}
            loaded["n"] = 8  # a view may change what it gets
        assert parser.parse(other, location="query") == {"n": f"{padding}7"}


def test_query_that_was_refused_before_is_refused_again() -> None:
    parser, query = Parser(), Query()
    with Flask("parsing").test_request_context("/?n=7&n=7"):
        for _ in range(2):
            with pytest.raises(Problem) as raised:
                parser.parse(query, location="query")
            assert raised.value.status == 422
