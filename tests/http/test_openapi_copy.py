"""The copy of the document is up to date, and the changelog names what breaks clients."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from api.problems import kind_of
from scripts import openapi
from tests.support.client import Client

Document = dict[str, Any]
BOOKING = "POST /v1/consultations"


def committed() -> Document:
    found: Document = json.loads(openapi.FILE.read_text())
    return found


def test_copy_is_the_document_of_the_application(stranger: Client) -> None:
    assert openapi.FILE.read_text() == openapi.document(), "`make docs` writes docs/openapi.json"
    assert committed() == stranger.contract.document


def test_codes_of_problems_are_those_of_the_database() -> None:
    assert openapi.PROBLEMS.read_text() == openapi.problems(), "`make docs` writes it"
    raised = json.loads(openapi.PROBLEMS.read_text())
    assert "TM901" in raised["book_consultation"]
    assert {code for codes in raised.values() for code in codes if not kind_of(code)} == set()


def test_changelog_names_what_changed_since_the_release() -> None:
    before = openapi.released()
    if before is None:
        pytest.skip("no history of git")
    assert not openapi.not_in_changelog(before, committed(), openapi.unreleased())


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def operation(document: Document, name: str = BOOKING) -> Document:
    return openapi.operations(document)[name]


def removed_operation(document: Document) -> None:
    del document["paths"]["/v1/consultations"]["post"]


def required_field(document: Document) -> None:
    schema(document, "Booking")["required"].append("reason")


def removed_field(document: Document) -> None:
    del schema(document, "Booking")["properties"]["reason"]


def shorter_text(document: Document) -> None:
    schema(document, "Booking")["properties"]["reason"]["maxLength"] = 10


def no_more_null(document: Document) -> None:
    schema(document, "Booking")["properties"]["reason"]["type"] = "string"


def null_in_an_answer(document: Document) -> None:
    schema(document, "Consultation")["properties"]["doctor_name"]["type"] = ["string", "null"]


def field_missing_in_an_answer(document: Document) -> None:
    del schema(document, "Consultation")["properties"]["doctor_name"]
    schema(document, "Consultation")["required"].remove("doctor_name")


def new_choice_in_an_answer(document: Document) -> None:
    schema(document, "ConsultationStatus")["enum"].append("missed")


def other_status(document: Document) -> None:
    responses = operation(document)["responses"]
    responses["200"] = responses.pop("201")


def required_parameter(document: Document) -> None:
    operation(document)["parameters"].append(
        {"in": "query", "name": "why", "required": True, "schema": {"type": "string"}}
    )


def removed_parameter(document: Document) -> None:
    operation(document)["parameters"].clear()


@pytest.mark.parametrize(
    "change",
    [
        removed_operation,
        required_field,
        removed_field,
        shorter_text,
        no_more_null,
        null_in_an_answer,
        field_missing_in_an_answer,
        new_choice_in_an_answer,
        other_status,
        required_parameter,
        removed_parameter,
    ],
)
def test_change_that_breaks_clients_is_found(change: Callable[[Document], None]) -> None:
    before = committed()
    after = deepcopy(before)
    change(after)
    found = openapi.breaking_changes(before, after)
    assert [line for line in found if line.startswith(f"{BOOKING}: ")], found
    assert openapi.not_in_changelog(before, after, "") != []
    named = "".join(f"- `{line.partition(': ')[0]}` changes.\n" for line in found)
    assert openapi.not_in_changelog(before, after, named) == []


def required_token(document: Document) -> None:
    operation(document, "POST /v1/auth/login")["security"] = [{"bearerAuth": []}]


def test_new_requirement_of_a_token_is_found() -> None:
    after = committed()
    required_token(after)
    assert openapi.breaking_changes(committed(), after) == [
        "POST /v1/auth/login: a token is required"
    ]


def new_field_of_an_answer(document: Document) -> None:
    schema(document, "Consultation")["properties"]["colour"] = {"type": "string"}
    schema(document, "Consultation")["required"].append("colour")


def optional_field(document: Document) -> None:
    schema(document, "Booking")["properties"]["colour"] = {"type": "string"}


def longer_text(document: Document) -> None:
    schema(document, "Booking")["properties"]["reason"]["maxLength"] = 9000


@pytest.mark.parametrize("change", [new_field_of_an_answer, optional_field, longer_text])
def test_change_that_breaks_no_client_is_permitted(change: Callable[[Document], None]) -> None:
    after = committed()
    change(after)
    assert openapi.breaking_changes(committed(), after) == []


def test_new_operation_has_to_be_in_the_changelog() -> None:
    before = committed()
    del before["paths"]["/v1/me/notifications"]["patch"]
    assert openapi.not_in_changelog(before, committed(), "") == [
        "PATCH /v1/me/notifications: is new"
    ]
    for line in ("- `GET, PATCH /v1/me/notifications`", "- `PATCH /v1/me/notifications`: new"):
        assert openapi.not_in_changelog(before, committed(), line) == []
    assert openapi.not_in_changelog(before, committed(), "- `PATCH /v1/me`") != []
