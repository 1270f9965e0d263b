"""docs/openapi.json, the committed copy of the OpenAPI document, and api/problems.json.

`make docs` writes both. tests/http/test_openapi_copy.py compares them with the application, and the
copy with that of the last release: what breaks a client stands in CHANGELOG.md.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from typing import Any

from scripts import contract
from scripts.system import CHECKOUT

FILE = CHECKOUT / "docs/openapi.json"
PROBLEMS = CHECKOUT / "api/problems.json"
CHANGELOG = CHECKOUT / "CHANGELOG.md"
METHODS = ("get", "post", "put", "patch", "delete")

Document = dict[str, Any]


def problems() -> str:
    """The text of api/problems.json: the codes that each function raises."""
    codes = re.findall(
        r"^function api\.(\w+): (?:raises|passes on) (TM\d\d\d)$", contract.FILE.read_text(), re.M
    )
    raised: dict[str, list[str]] = {}
    for function, code in sorted(set(codes)):
        raised.setdefault(function, []).append(code)
    return json.dumps(raised, indent=1) + "\n"


def document() -> str:
    """The document of this checkout, as a server sends it."""
    # api.openapi reads api/problems.json when it is imported.
    from api import config, openapi, totp
    from api.app import create_app

    settings = {
        "APP_ENV": "test",
        "DATABASE_URL": "postgresql://nowhere",
        "SECRET_KEY": secrets.token_hex(32),
        "CONTEXT_KEY": secrets.token_hex(32),
        "MFA_KEYS": totp.new_key(),
    }
    return openapi.text_of(create_app(config.load(settings)))


def released() -> Document | None:
    """The copy of the newest release, or the first copy ever. None without the history of git."""
    first = _git("log", "--diff-filter=A", "--format=%H", "--", "docs/openapi.json")
    tags = _git("tag", "--list", "v*", "--sort=-version:refname")
    for commit in [*tags.split(), *first.split()]:
        if text := _git("show", f"{commit}:docs/openapi.json"):
            found: Document = json.loads(text)
            return found
    return None


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(("git", *arguments), cwd=CHECKOUT, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return result.stdout if result.returncode == 0 else ""


def unreleased() -> str:
    """What CHANGELOG.md says about the next release."""
    return CHANGELOG.read_text().partition("\n## Unreleased")[2].partition("\n## ")[0]


def operations(found: Document) -> dict[str, Document]:
    """Each operation by its method and path, such as GET /v1/me."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in found["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def not_in_changelog(old: Document, new: Document, changelog: str) -> list[str]:
    """Operations that are new, gone or break clients, and that the changelog does not name."""
    before, after = operations(old), operations(new)
    changes = [f"{name}: is new" for name in after if name not in before]
    changes += breaking_changes(old, new)
    return [change for change in changes if not _names(changelog, change.partition(": ")[0])]


def _names(changelog: str, operation: str) -> bool:
    method, path = operation.split()
    # Also as `GET, PATCH /v1/me/notifications`, and with the short {id} for an id.
    short = re.sub(r"\{\w+_id\}", "{id}", path)
    names = (rf"\b{method}\b[A-Z, ]* {re.escape(p)}(?![\w/])" for p in (path, short))
    return any(re.search(name, changelog) for name in names)


def breaking_changes(old: Document, new: Document) -> list[str]:
    """What a client of the old document cannot do, or does not understand, with the new one."""
    before, after = operations(old), operations(new)
    found = []
    for name, operation in before.items():
        if name not in after:
            found.append(f"{name}: is gone")
            continue
        changes = _changes(operation, after[name], old, new)
        found += [f"{name}: {change}" for change in changes]
    return found


def _changes(before: Document, after: Document, old: Document, new: Document) -> Iterator[str]:
    if _needs_token(after) and not _needs_token(before):
        yield "a token is required"
    parameters = {(p["in"], p["name"]): p for p in after.get("parameters", ())}
    known = {(p["in"], p["name"]): p for p in before.get("parameters", ())}
    for key, parameter in known.items():
        if key not in parameters:
            yield f"the parameter {key[1]} is gone"
        else:
            yield from _narrower(
                parameter["schema"], parameters[key]["schema"], old, new, f"the parameter {key[1]}"
            )
    for key, parameter in parameters.items():
        if parameter.get("required") and not known.get(key, {}).get("required"):
            yield f"the parameter {key[1]} is required"
    if "requestBody" in after:
        sent = after["requestBody"]["content"]["application/json"]["schema"]
        if "requestBody" in before:
            was = before["requestBody"]["content"]["application/json"]["schema"]
            yield from _narrower(was, sent, old, new, "the body")
        elif after["requestBody"].get("required"):
            yield "a body is required"
    for status, answer in before["responses"].items():
        if status >= "300":
            continue
        if status not in after["responses"]:
            yield f"the answer {status} is gone"
            continue
        contents = after["responses"][status].get("content", {})
        for media_type, content in answer.get("content", {}).items():
            if media_type not in contents:
                yield f"the answer {media_type} is gone"
            else:
                schema = contents[media_type]["schema"]
                # An answer breaks clients if the old schema does not permit what the new one does.
                yield from _narrower(schema, content["schema"], new, old, f"the answer {status}")


def _needs_token(operation: Document) -> bool:
    return bool(operation["security"]) and {} not in operation["security"]


def _narrower(
    wide: Document, narrow: Document, wide_in: Document, narrow_in: Document, at: str
) -> Iterator[str]:
    """Why a value of the schema `wide` may not be one of the schema `narrow`."""
    wide, narrow = _resolved(wide, wide_in), _resolved(narrow, narrow_in)
    if extra := _types(wide) - _types(narrow):
        change = "may be" if at.startswith("the answer") else "may no longer be"
        yield f"{at} {change} {' or '.join(sorted(extra))}"
        return
    if "enum" in narrow and not set(_choices(wide)) <= set(_choices(narrow)):
        yield f"{at} has other choices"
    if narrow.get("format", wide.get("format")) != wide.get("format"):
        yield f"{at} has another format"
    for bound, worse in (("minimum", max), ("minLength", max), ("minItems", max)):
        if bound in narrow and wide.get(bound) != worse(narrow[bound], wide.get(bound, -1e99)):
            yield f"{at} has another {bound}"
    for bound, worse in (("maximum", min), ("maxLength", min), ("maxItems", min)):
        if bound in narrow and wide.get(bound) != worse(narrow[bound], wide.get(bound, 1e99)):
            yield f"{at} has another {bound}"
    fields, permitted = wide.get("properties", {}), narrow.get("properties", {})
    for name, field in fields.items():
        if name not in permitted:
            # A client ignores what is new in an answer; a server refuses unknown fields.
            if at.startswith("the body"):
                yield f"{at}/{name} is gone"
        else:
            yield from _narrower(field, permitted[name], wide_in, narrow_in, f"{at}/{name}")
    for name in set(narrow.get("required", ())) - set(wide.get("required", ())):
        yield f"{at}/{name} is {'required' if at.startswith('the body') else 'not always there'}"
    if "items" in wide and "items" in narrow:
        yield from _narrower(wide["items"], narrow["items"], wide_in, narrow_in, f"{at}[]")


def _resolved(schema: Document, found: Document) -> Document:
    """The schema without references; `anyOf` with null becomes a list of types."""
    null = False
    while "$ref" in schema or "anyOf" in schema:
        if "anyOf" in schema:
            null = True
            schema = schema["anyOf"][0]
        else:
            schema = found["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema | {"type": sorted(_types(schema) | {"null"})} if null else schema


def _types(schema: Document) -> set[str]:
    types = schema.get("type", ())
    return {types} if isinstance(types, str) else set(types)


def _choices(schema: Document) -> list[str]:
    return [choice for choice in schema.get("enum", ["any text"]) if choice is not None]
