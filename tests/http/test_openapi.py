"""The OpenAPI document."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from scripts.contract import idempotency_keys
from tests.support.client import Client

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def document(stranger: Client) -> dict[str, Any]:
    return stranger.contract.document


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_every_operation_has_a_summary_and_an_id(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for _, _, operation in operations(document):
        assert operation["summary"]
        assert operation["tags"]


def test_every_operation_lists_its_answers(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        name = f"{method} {path}"
        answers = set(operation["responses"])
        assert {status for status in answers if status < "300"}, name
        assert {"500", "503"} <= answers, name
        assert ("security" in operation) <= ({"401", "403"} <= answers), name
        assert ("requestBody" in operation) <= ({"400", "413", "415", "422"} <= answers), name
        assert ("{" in path) <= ("404" in answers), name
        assert path.startswith("/v1/") == ("429" in answers), name  # other paths have no rate limit
        for status in answers:
            if status >= "400":
                assert "$ref" in operation["responses"][status], name


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    for name, response in document["components"]["responses"].items():
        assert list(response["content"]) == ["application/problem+json"], name


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r'"#(/components/[^"]+)"', json.dumps(document))):
        found: Any = document
        for step in reference.strip("/").split("/"):
            found = found[step]
        assert found


def test_schemas_describe_requests_and_answers_exactly(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema["additionalProperties"] is False, name


def test_operations_take_the_idempotency_key_that_their_function_takes(
    document: dict[str, Any],
) -> None:
    described = {
        operation["operationId"]: "required" if parameter["required"] else "optional"
        for _, _, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "Idempotency-Key"
    }
    taken = {name: key for name, key in idempotency_keys().items() if key != "none"}
    assert set(taken.values()) == {"required", "optional"}
    assert described == taken


def test_document_declares_bearer_tokens(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes == {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
