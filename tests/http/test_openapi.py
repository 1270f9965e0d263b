"""The OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from api import characters, fields
from api.errors import title
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


def schemas(found: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document that can only be a schema, in any place but an example."""
    if isinstance(found, dict):
        if {"type", "$ref", "anyOf", "const"} & set(found) and not isinstance(
            found.get("type", ""), dict
        ):
            yield found
        for name, below in found.items():
            if name != "example":
                yield from schemas(below)
    elif isinstance(found, list):
        for below in found:
            yield from schemas(below)


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
        assert {"400", "500", "503"} <= answers, name
        assert bool(operation["security"]) <= ({"401", "403"} <= answers), name
        assert ("requestBody" in operation) <= ({"400", "413", "415", "422"} <= answers), name
        assert ("{" in path) <= ("404" in answers), name
        assert path.startswith("/v1/") == ("429" in answers), name  # other paths have no rate limit
        for status in answers:
            if status >= "400":
                assert "$ref" in operation["responses"][status], name


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    for name, response in document["components"]["responses"].items():
        assert list(response["content"]) == ["application/problem+json"], name
        shown = response["content"]["application/problem+json"]["example"]
        assert title(shown["status"]).replace(" ", "") == name


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r'"#(/components/[^"]+)"', json.dumps(document))):
        found: Any = document
        for step in reference.strip("/").split("/"):
            found = found[step]
        assert found


def test_schemas_describe_requests_and_answers_exactly(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if "enum" not in schema:
            assert schema["additionalProperties"] is False, name


def test_every_schema_and_operation_is_described(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert "enum" in schema or schema["description"], name
    for path, method, operation in operations(document):
        text = operation["description"]
        who = "Roles: " if operation["security"] else "without a token"
        assert who in text, f"{method} {path}"


def test_every_schema_and_header_is_used(document: dict[str, Any]) -> None:
    used = set(re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(document)))
    for kind in ("schemas", "headers", "responses"):
        assert {name for of, name in used if of == kind} == set(document["components"][kind])


def test_no_list_or_object_is_named_like_its_schema(document: dict[str, Any]) -> None:
    # A generated Python module would have one name for both.
    for name, schema in document["components"]["schemas"].items():
        own_name = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
        field = schema.get("properties", {}).get(own_name, {})
        assert field.get("type") not in ("array", "object"), name


def test_enumerations_have_one_name_each(document: dict[str, Any]) -> None:
    named = {n for n, s in document["components"]["schemas"].items() if "enum" in s}
    values = [tuple(sorted(document["components"]["schemas"][name]["enum"])) for name in named]
    assert len(set(values)) == len(values)
    for schema in schemas(document):
        named_here = schema in [document["components"]["schemas"][name] for name in named]
        assert "enum" not in schema or named_here, schema


def test_patterns_are_ones_of_ecma_262(document: dict[str, Any]) -> None:
    patterns = {schema["pattern"] for schema in schemas(document) if "pattern" in schema}
    assert len(patterns) > 10
    for pattern in patterns:
        assert re.search(r"\\[AZz]|\(\?[Pi<]", pattern) is None, pattern
        assert pattern.startswith("^") and pattern.endswith("$"), pattern
        # A generator may write it between two slashes.
        assert re.search(r"(?<!\\)/", pattern) is None, pattern


def test_optional_fields_have_no_default_in_a_body(document: dict[str, Any]) -> None:
    # A default makes a field required in a client of openapi-typescript.
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            assert "default" not in described, f"{name}.{field}"


def test_integers_say_their_size(document: dict[str, Any]) -> None:
    for schema in schemas(document):
        if "integer" in schema.get("type", ()):
            assert schema["format"] in ("int32", "int64"), schema


def test_hidden_characters_of_patterns_are_refused_characters() -> None:
    shown = re.compile(f"[{fields._HIDDEN}]")
    refused = re.compile(f"[\\u0000{characters.HIDDEN}]")
    points = [chr(point) for point in range(0x10000)]
    assert all(refused.match(point) for point in points if shown.match(point))


def test_every_request_and_answer_has_an_example(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        name = f"{method} {path}"
        for parameter in operation.get("parameters", []):
            assert parameter["in"] != "path" or "example" in parameter, name
        contents = list(operation.get("requestBody", {}).get("content", {}).values())
        for status, answer in operation["responses"].items():
            contents += answer.get("content", {}).values() if status < "300" else ()
        for content in contents:
            assert "example" in content or content["schema"] == {"type": "string"}, name


def test_every_field_has_an_example(document: dict[str, Any]) -> None:
    missing = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, described in schema.get("properties", {}).items()
        if not {"example", "const"} & set(described) and "$ref" not in json.dumps(described)
    ]
    assert not missing, "give them an example in api/examples.py"


def test_examples_match_their_schemas(document: dict[str, Any], stranger: Client) -> None:
    for schema in schemas(document):
        if "example" in schema:
            found = stranger.contract.faults(schema, schema["example"])
            assert not found, (schema, found)
    described = list(document["components"]["responses"].values())
    for _, _, operation in operations(document):
        described += [operation.get("requestBody", {}), *operation["responses"].values()]
    shown = [c for d in described for c in d.get("content", {}).values() if "example" in c]
    assert len(shown) > 50
    for content in shown:
        found = stranger.contract.faults(content["schema"], content["example"])
        assert not found, (content, found)


def test_answers_list_the_codes_of_their_function(document: dict[str, Any]) -> None:
    booking = document["paths"]["/v1/consultations"]["post"]["responses"]
    assert "`TM901`: " in booking["409"]["description"]
    assert "TM901" not in booking["404"]["description"]
    assert "`TM402`: " in booking["404"]["description"]


def test_public_operations_say_that_they_need_no_token(document: dict[str, Any]) -> None:
    public = {o["operationId"] for _, _, o in operations(document) if o["security"] == []}
    assert {"log_in", "sign_up", "health"} <= public
    assert "my_profile" not in public


def test_tags_are_in_the_order_of_a_journey(document: dict[str, Any]) -> None:
    tags = [tag["name"] for tag in document["tags"]]
    journey = [tags.index(t) for t in ("auth", "doctors", "slots", "consultations", "audit")]
    assert journey == sorted(journey)
    of_paths = [operation["tags"][0] for _, _, operation in operations(document)]
    assert list(dict.fromkeys(of_paths)) == tags


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


def test_every_request_may_have_a_deadline(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        described = [
            parameter
            for parameter in operation.get("parameters", [])
            if parameter["name"] == "Request-Deadline-Ms"
        ]
        assert len(described) == path.startswith("/v1/"), f"{method} {path}"
        for parameter in described:
            assert (parameter["in"], parameter["required"]) == ("header", False)
            assert parameter["schema"]["maximum"] == 600_000


def test_answers_that_a_header_asks_for_leave_types_as_they_are(document: dict[str, Any]) -> None:
    # With an answer without content beside it, a generated Python client says Any for every read.
    for path, method, operation in operations(document):
        contents = [
            "content" in answer
            for status, answer in operation["responses"].items()
            if status < "400"
        ]
        assert len(contents) == 1, f"{method} {path}"


def test_document_declares_bearer_tokens(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes == {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
