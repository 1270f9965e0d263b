"""Unknown fields, values of another type, duplicate names, and the fields of every answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from api.resources.events import TYPES
from scripts.server import Cluster
from scripts.system import CHECKOUT
from tests.security.table import OPERATIONS
from tests.support.client import Client, ok, places, problem
from tests.support.operations import (
    NOWHERE,
    REFUSED,
    Operation,
    ValidRequests,
    documented,
    operations,
    sound,
    state,
)

BODIES = [o.id for o in documented() if o.body is not None]
READS = [name for name in OPERATIONS if name.startswith("GET /v1/")]

# Objects whose fields depend on another field: a row of any table, and the data of an event, which
# test_data_of_events_has_the_documented_fields compares with docs/events.md.
ANY_FORM = {
    *(("list_audit_logs", "old"), ("list_audit_logs", "new")),
    *(("list_events", "data"), ("list_dead_jobs", "arguments")),
}

# Fields that an attacker would set: owners, prices, states and roles.
PRIVILEGED = {
    "role": "admin",
    "is_admin": True,
    "status": "completed",
    "id": NOWHERE,
    "user_id": NOWHERE,
    "patient_id": NOWHERE,
    "doctor_id": NOWHERE,
    "consultation_id": NOWHERE,
    "payment_id": NOWHERE,
    "slot_id": NOWHERE,
    "time_off_id": NOWHERE,
    "session_id": NOWHERE,
    "request_id": "another",
    "idempotency_key": "another",
    "created_at": "2020-01-01T00:00:00Z",
    "deactivated_at": None,
    "password_hash": "$2b$04$" + "x" * 53,
    "mfa_secret": None,
    "mfa_confirmed_at": None,
    "fee_minor": 0,
    "price": 0,
    "kind": "refund",
    "refunded_payment_id": None,
    "cost": 4,
}
# Names with a meaning in Python, JavaScript, SQL or forms.
STRANGE = ["__proto__", "constructor", "__class__", "self", "body", "query", "from_", "p_role"]
STRANGE += ["Role", "ROLE", "role[]", "role[$ne]", "user.role", "limit[]", "p_limit", "_method"]


with_a_body = pytest.mark.parametrize("operation", BODIES, indirect=True)


@with_a_body
def test_unknown_field_is_refused(
    operation: Operation, clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    caller = clinic.allowed(operation)
    request = clinic.request(operation, caller, fresh=True)
    body = request["json"]
    before = state(cluster, database)
    for within, schema in objects(operation, body):
        unknown = {"", *PRIVILEGED, *STRANGE, *answered(operation)} - set(schema["properties"])
        for names in (unknown, {"role", "is_admin"} & unknown, {"self"}, {""}):
            changed = json.loads(json.dumps(body))
            at_path(changed, within).update({n: PRIVILEGED.get(n, NOWHERE) for n in names})
            answer = sound(caller.send(**{**request, "json": changed}))
            expected = ["#/" + "/".join(map(str, (*within, escaped(name)))) for name in names]
            assert sorted(places(answer)) == sorted(expected)
    assert state(cluster, database) == before
    # Nothing else was wrong with the request.
    accepted(operation, caller.send(**request))


@with_a_body
def test_body_field_in_the_query_is_refused(
    operation: Operation, clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    caller = clinic.allowed(operation)
    request = clinic.request(operation, caller)
    before = state(cluster, database)
    names = {*PRIVILEGED, *(operation.body or {})["properties"]}
    for some in (names, {"role"}):
        params = {name: str(PRIVILEGED.get(name, "x")) for name in some}
        assert sorted(places(sound(caller.send(**request, params=params)))) == sorted(some)
    assert state(cluster, database) == before


@pytest.mark.parametrize("operation", READS, indirect=True)
def test_unknown_parameter_is_refused(operation: Operation, clinic: ValidRequests) -> None:
    caller = clinic.allowed(operation)
    request = clinic.request(operation, caller)
    everywhere = {p for o in operations(caller.contract.document) for p in o.parameters}
    unknown = {*PRIVILEGED, *STRANGE, *answered(operation), *everywhere} - operation.parameters
    answer = sound(caller.send(**request, params=dict.fromkeys(unknown, "x")))
    assert places(answer) == sorted(unknown)
    for name in {"role", "_method"}:
        assert places(sound(caller.send(**request, params={name: "x"}))) == [name]
    for name in operation.parameters:
        answer = sound(caller.send(**request, params=[(name, "1"), (name, "1")]))
        assert name in places(answer)
    assert caller.send(**request).status_code == 200


@with_a_body
def test_value_of_another_type_is_refused(
    operation: Operation, clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    caller = clinic.allowed(operation)
    request = clinic.request(operation, caller)
    body = request["json"]
    before = state(cluster, database)
    for within, schema in objects(operation, body):
        wrong = {n: of_another_type(*kinds(operation, f)) for n, f in schema["properties"].items()}
        for turn in range(max(map(len, wrong.values()), default=0)):
            some = {name: values[turn] for name, values in wrong.items() if turn < len(values)}
            changed = json.loads(json.dumps(body))
            at_path(changed, within).update(some)
            found = places(sound(caller.send(**{**request, "json": changed})))
            steps = [place.removeprefix("#/").split("/") for place in found]
            assert {tuple(step[: len(within) + 1]) for step in steps} == {
                (*map(str, within), name) for name in some
            }, some
    for whole in ([body], [body, body], {"body": body}, {"0": body}, json.dumps(body)):
        problem(sound(caller.send(**{**request, "json": whole})), 422, "TM201")
    assert state(cluster, database) == before


@with_a_body
def test_duplicate_name_is_refused_whichever_value_is_valid(
    operation: Operation, clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    caller = clinic.allowed(operation)
    request = clinic.request(operation, caller, fresh=True)
    body = request.pop("json") or {}
    request["headers"]["Content-Type"] = "application/json"
    before = state(cluster, database)
    for name, value in body.items():
        for text in (
            joined(body, {name: {"nested": ["value"]}}),
            joined({name: {"nested": ["value"]}}, body),
            joined(body, {name: value}),
        ):
            assert places(sound(caller.send(**request, data=text))) == [f"#/{name}"]
    text = joined({"role": "admin"}, {"role": None}, body)
    assert places(sound(caller.send(**request, data=text))) == ["#/role"]
    assert state(cluster, database) == before


def test_server_has_exactly_the_attacked_operations(stranger: Client) -> None:
    assert operations(stranger.contract.document) == documented()


@with_a_body
def test_every_required_field_has_a_valid_example(
    operation: Operation, clinic: ValidRequests, stranger: Client
) -> None:
    caller = clinic.allowed(operation)
    body = clinic.request(operation, caller)["json"]
    for within, schema in objects(operation, body):
        missing = set(schema.get("required", ())) - set(at_path(body, within))
        assert not missing, f"give {missing} an example in api/resources"
    assert not stranger.contract.faults(operation.body or {}, body)


@pytest.mark.parametrize("operation", OPERATIONS, indirect=True)
def test_every_answer_matches_its_schema_exactly(operation: Operation) -> None:
    for status, response in operation.described["responses"].items():
        for content in response.get("content", {}).values() if status < "300" else ():
            for schema in schemas(operation, content["schema"]):
                if schema.get("type") == "object":
                    assert schema["additionalProperties"] is False
                    # A public key has the members of its kind only.
                    if operation.id != "public_keys" or "keys" in schema["properties"]:
                        assert set(schema["required"]) == set(schema["properties"])


def test_audit_log_has_no_secret_of_any_table(
    admin: Client, clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    clinic.id_of("treated")
    tables = cluster.sql("select distinct table_name from app.audit_logs", database).split()
    assert {"users", "sessions", "consultations", "payments"} <= set(tables)
    for table in tables:
        rows = ok(sound(admin.get("/v1/admin/audit-logs", table_name=table, limit=200)))["items"]
        assert rows
    cluster.sql("select ops.seal_audit()", database)
    assert ok(sound(admin.get("/v1/admin/audit-seals")))["items"]


def test_data_of_events_has_the_documented_fields(
    clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    clinic.id_of("treated")
    text = (CHECKOUT / "docs/events.md").read_text()
    table = text.partition("\n## Types\n")[2].partition("\n## ")[0]
    documented_fields = {
        type_: sorted(re.findall(r"`(\w+)`", row))
        for types, row in re.findall(r"^\| (`.*) \| (.*)\|$", table, re.M)
        for type_ in re.findall(r"`(\w+\.\w+)`", types)
    }
    assert set(documented_fields) == set(TYPES)
    query = (
        "select distinct type, array_to_string(array(select jsonb_object_keys(data)), ',')"
        " from app.events"
    )
    found = [line.split("|") for line in cluster.sql(query, database).splitlines()]
    assert {"account.created", "slot.opened", "consultation.completed"} <= {t for t, _ in found}
    for type_, names in found:
        assert sorted(filter(None, names.split(","))) == documented_fields[type_], type_


def accepted(operation: Operation, answer: requests.Response) -> None:
    """Assert that the request was valid."""
    assert answer.status_code < 300 or answer.status_code in REFUSED.get(operation.id, ())


def answered(operation: Operation) -> set[str]:
    """The names of all fields in answers of any operation."""
    return {
        name
        for schema in operation.components["schemas"].values()
        for name in schema.get("properties", {})
    }


def objects(
    operation: Operation, body: dict[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """The path and the schema of each object: the body, and the first item of each list of them."""
    schema = operation.body or {}
    yield (), schema
    for name, field in schema["properties"].items():
        if field.get("type") == "array" and "$ref" in field["items"]:
            assert body[name]
            item = operation.resolved(field["items"])
            if item["type"] == "object":
                yield (name, 0), item


def at_path(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def schemas(operation: Operation, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and all schemas in it, except those whose fields depend on another field."""
    schema = operation.resolved(schema)
    yield schema
    for name, below in schema.get("properties", {}).items():
        if (operation.id, name) not in ANY_FORM and operation.id != "export_my_data":
            yield from schemas(operation, below)
    if "items" in schema:
        yield from schemas(operation, schema["items"])


def kinds(operation: Operation, field: dict[str, Any]) -> Iterator[str]:
    """The type of a field, then the type of its items; null is left out."""
    field = operation.resolved(field)
    type_ = field["type"]
    yield str(type_ if isinstance(type_, str) else next(t for t in type_ if t != "null"))
    if "items" in field:
        yield from kinds(operation, field["items"])


def of_another_type(kind: str, of: str = "") -> list[Any]:
    """Values of another type that a careless server would convert."""
    nested: list[Any] = [{"$ne": ""}, {"0": 1}, {}, [["x"]]]
    if kind != "boolean":
        nested.append(True)
    return (
        nested
        + {
            "boolean": ["true", "yes", "", 1, 0, []],
            "string": [7, 7.5, ["x"], []],
            "integer": ["7", "7.0", 7.0, 7.5, "0x7", "", [7], []],
            "array": ["x", "1,2", 7, [7.5], [None], *([] if of == "string" else [["1"]])],
        }[kind]
    )


def joined(*bodies: dict[str, Any]) -> bytes:
    """One JSON object with the fields of all bodies, in this order."""
    fields = (f"{json.dumps(n)}: {json.dumps(v)}" for body in bodies for n, v in body.items())
    return ("{" + ", ".join(fields) + "}").encode()


def escaped(name: str) -> str:
    """The name as a step of a JSON pointer in a URI fragment."""
    return name.replace("[", "%5B").replace("]", "%5D").replace("$", "%24")
