"""The finished OpenAPI document: what no route and no schema can say about itself.

apispec describes routes and schemas one at a time. This module orders the whole, names each
enumeration once, gives every request and answer an example, and drops what nothing refers to.
"""

import re
from collections.abc import Iterator
from typing import Any

from api.examples import EXAMPLES as BY_NAME

Document = dict[str, Any]

# In the order of a patient's journey, then that of the clinic. Other tags come last.
TAGS = (
    *("auth", "me", "emails", "passwords", "mfa", "sessions"),
    *("specialties", "doctors", "slots", "consultations", "calendars", "prescriptions"),
    *("payments", "time_off", "users", "analytics", "audit", "events", "webhooks"),
    *("jobs", "operations", "jwks", "health"),
)
# The members of an operation that a reader wants first.
MEMBERS = ("tags", "summary", "description", "operationId", "security", "parameters", "requestBody")
EXAMPLES = "x-examples"  # of one operation, from api.openapi.example; not part of the document
BIGGEST_INT32 = 2**31 - 1


def finished(document: Document, headers: Document) -> Document:
    """The document for clients, from that of apispec, which is changed.

    headers: every header that the document may refer to.
    """
    components = document["components"]
    components["headers"] = headers
    for path in document["paths"].values():
        # Beside the other parameters, so that each operation has an example of its own.
        shared = path.pop("parameters", [])
        for operation in path.values():
            operation["parameters"] = [dict(p) for p in shared] + operation.get("parameters", [])
    named: Document = {}
    for schema in _schemas(document):
        _complete(schema, named)
    for name, schema in components["schemas"].items():
        _give_examples(name, schema, components["schemas"] | named)
    components["schemas"] |= named
    for operation in _operations(document):
        _show(operation, components["schemas"])
        if not operation["parameters"]:
            del operation["parameters"]
    _drop_unused(document)
    _sort(document)
    return document


def _operations(document: Document) -> Iterator[Document]:
    for path in document["paths"].values():
        yield from path.values()


def _contents(described: Document) -> Iterator[Document]:
    yield from described.get("content", {}).values()


def _schemas(document: Document) -> Iterator[Document]:
    """Every schema of the document, at every depth."""
    components = document["components"]
    for schema in components["schemas"].values():
        for below in schema.get("properties", {}).values():
            # In a body a default makes the field required for openapi-typescript.
            below.pop("default", None)
        yield from _nested(schema)
    answers = list(components["responses"].values())
    for operation in _operations(document):
        answers += operation["responses"].values()
        for parameter in operation["parameters"]:
            yield from _nested(parameter["schema"])
        for content in _contents(operation.get("requestBody", {})):
            yield from _nested(content["schema"])
    for answer in answers:
        for content in _contents(answer):
            yield from _nested(content["schema"])
    for header in components["headers"].values():
        yield from _nested(header["schema"])


def _nested(schema: Document) -> Iterator[Document]:
    yield schema
    below = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    below += [schema[name] for name in ("items", "additionalProperties") if schema.get(name)]
    for child in below:
        if isinstance(child, dict):
            yield from _nested(child)


def _complete(schema: Document, named: Document) -> None:
    """Say the size of integers, and replace an enumeration by a reference to its name."""
    types = schema.get("type", ())
    if "integer" in ([types] if isinstance(types, str) else types):
        small = schema.get("maximum", BIGGEST_INT32 + 1) <= BIGGEST_INT32
        schema.setdefault("format", "int32" if small else "int64")
    choices = [choice for choice in schema.get("enum", ()) if choice is not None]
    name = schema.pop("x-enum", None)
    if len(choices) == 1:
        del schema["enum"]
        schema["const"] = choices[0]
    elif name:
        enumeration = {"type": "string", "enum": choices}
        if named.setdefault(name, enumeration) != enumeration:
            raise ValueError(f"two enumerations are called {name}")
        nullable = None in schema["enum"]
        reference = {"$ref": f"#/components/schemas/{name}"}
        for member in ("type", "enum"):
            del schema[member]
        schema |= {"anyOf": [reference, {"type": "null"}]} if nullable else reference


def _give_examples(name: str, schema: Document, schemas: Document) -> None:
    for field, described in schema.get("properties", {}).items():
        if "example" in described:
            schema.setdefault(EXAMPLES, []).append(field)
            continue
        for key in (f"{name}.{field}", field):
            if key in BY_NAME:
                described["example"] = BY_NAME[key]
                break
        else:
            choices = _resolved(described, schemas).get("enum")
            if choices:
                described["example"] = choices[0]


def _resolved(schema: Document, schemas: Document) -> Document:
    """The schema that a reference, or a reference or null, is about."""
    reference = (schema.get("anyOf") or [schema])[0].get("$ref")
    found: Document = schemas[reference.rpartition("/")[2]] if reference else schema
    return found


def example_of(schema: Document, schemas: Document, *, brief: bool = False) -> Any:
    """An example for a schema, from the examples of its fields.

    brief: without the optional fields that have no example of their own in the code.
    """
    if "example" in schema:
        return schema["example"]
    schema = _resolved(schema, schemas)
    if "properties" in schema:
        chosen = {*schema.get("required", ()), *schema.get(EXAMPLES, ())}
        return {
            name: example_of(described, schemas, brief=brief)
            for name, described in schema["properties"].items()
            if not brief or name in chosen
        }
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas, brief=brief)]
    return schema["enum"][0] if "enum" in schema else schema.get("const")


def _show(operation: Document, schemas: Document) -> None:
    """Give an operation the examples of its ids, its body and its answer."""
    own = operation.pop(EXAMPLES, {})
    for parameter in operation["parameters"]:
        name = parameter["name"]
        if parameter["in"] == "path":
            if known := own.get(name) or BY_NAME.get(name):
                parameter["example"] = known
        elif "example" in parameter["schema"]:
            parameter["example"] = parameter["schema"].pop("example")
    for content in _contents(operation.get("requestBody", {})):
        body = example_of(content["schema"], schemas, brief=True)
        content["example"] = body | {name: own[name] for name in body if name in own}
    for status, answer in operation["responses"].items():
        if int(status) < 300:
            for content in _contents(answer):
                if content["schema"] != {"type": "string"}:
                    body = example_of(content["schema"], schemas)
                    content["example"] = body | {name: own[name] for name in body if name in own}


def _drop_unused(document: Document) -> None:
    for schema in document["components"]["schemas"].values():
        schema.pop(EXAMPLES, None)
    components = document["components"]
    while True:
        used = set(re.findall(r"#/components/(\w+)/([\w.-]+)", repr(document)))
        unused = [
            (kind, name)
            for kind in ("schemas", "headers", "responses")
            for name in components[kind]
            if (kind, name) not in used
        ]
        if not unused:
            return
        for kind, name in unused:
            del components[kind][name]


def _sort(document: Document) -> None:
    order = {tag: place for place, tag in enumerate(TAGS)}

    def place(tag: str) -> tuple[int, str]:
        return order.get(tag, len(order)), tag

    document["tags"].sort(key=lambda tag: place(tag["name"]))
    paths = document["paths"].items()
    for item in document["paths"].values():
        for method, operation in item.items():
            operation["responses"] = dict(sorted(operation["responses"].items()))
            item[method] = {
                name: operation[name] for name in MEMBERS if name in operation
            } | operation
    first = {path: min(place(o["tags"][0]) for o in item.values()) for path, item in paths}
    document["paths"] = dict(sorted(paths, key=lambda entry: first[entry[0]]))
    document["components"]["schemas"] = dict(sorted(document["components"]["schemas"].items()))
