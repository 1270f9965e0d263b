"""An HTTP client of the API; every answer is validated against the OpenAPI document."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from threading import Barrier, local
from typing import Any, TypeVar

import jwt
import requests
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from api import auth, config
from api.problems import kind_of
from tests.support.server import environment

PASSWORD = "correct horse battery staple"
PROBLEM = "application/problem+json"
FORMATS = FormatChecker(["uuid", "date"])
# Read once, so that midnight does not affect running tests.
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")

T = TypeVar("T")


@FORMATS.checks("date-time", ValueError)
def is_a_time(value: object) -> bool:
    """Whether a date-time has an offset, as RFC 3339 requires; other types are valid."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def times(value: Any) -> Iterator[str]:
    """Each text at any depth that begins with a date and a time."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for below in value:
            yield from times(below)
    elif isinstance(value, str) and TIME.match(value):
        yield value


class Contract:
    """The OpenAPI document of a running server."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.paths = {
            re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): operations
            # Of {id} and {id}.ics, the longer one is meant.
            for path, operations in sorted(
                document["paths"].items(), key=lambda item: len(item[0]), reverse=True
            )
        }

    def check(self, answer: requests.Response) -> None:
        """Fail unless the document allows exactly this answer to its request."""
        method, path = str(answer.request.method), answer.request.path_url.partition("?")[0]
        exchange = f"{method} {path} -> {answer.status_code} {answer.text[:500]}"
        operation = self._operation(method, path)
        if answer.status_code == 304 or "Preference-Applied" in answer.headers:
            assert operation is not None, exchange
            assert answer.content == b"", exchange
            return
        has_version = "If-Match" in answer.request.headers  # any request may (RFC 9110, 13.1.1)
        if answer.status_code == 412 and has_version:
            documented = self._problem()
        elif operation is None:
            assert answer.status_code in (404, 405), f"not documented: {exchange}"
            documented = self._problem()
        else:
            assert str(answer.status_code) in operation["responses"], f"not documented: {exchange}"
            documented = self._resolved(operation["responses"][str(answer.status_code)])
        content = documented.get("content")
        if not content:
            assert answer.content == b"", f"a body that is not documented: {exchange}"
            return
        media_type = answer.headers["Content-Type"].partition(";")[0]
        assert media_type in content, exchange
        body = content[media_type]
        if media_type.endswith("json"):
            errors = self.faults(body["schema"], answer.json())
            assert not errors, f"{errors[0].json_path} {errors[0].message}: {exchange}"

    def faults(self, schema: dict[str, Any], value: Any) -> list[ValidationError]:
        """The validation errors of a value against a schema of the document."""
        return list(self._validator(json.dumps(schema)).iter_errors(value))

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        for pattern, operations in self.paths.items():
            if pattern.fullmatch(path) and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        return None

    def _problem(self) -> dict[str, Any]:
        return {"content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}}

    def _resolved(self, response: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in response:
            return response
        resolved: dict[str, Any] = self.document["components"]["responses"][
            response["$ref"].rpartition("/")[2]
        ]
        return resolved

    @cache  # noqa: B019  # one contract lives as long as the tests
    def _validator(self, schema: str) -> Draft202012Validator:
        components = {"components": self.document["components"]}
        return Draft202012Validator(json.loads(schema) | components, format_checker=FORMATS)


@cache
def claims_of(token: str) -> dict[str, Any]:
    """The claims of an access token, without verification."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@cache
def settings() -> config.Settings:
    """The settings of the servers that tests share."""
    return config.load(environment("postgresql://nowhere"))


_of_this_thread = local()


def request(method: str, url: str, **more: Any) -> requests.Response:
    """Send a request on a new connection and return the answer.

    Like requests.request, but without reading proxies and passwords from the developer's account,
    which takes a third of the time, and without guessing the encoding: JSON is in UTF-8.
    """
    if not hasattr(_of_this_thread, "session"):
        _of_this_thread.session = requests.Session()
        _of_this_thread.session.trust_env = False
    session: requests.Session = _of_this_thread.session
    try:
        answer = session.request(method, url, timeout=60, **more)
    finally:
        session.cookies.clear()
        session.close()  # closes the connections; the session may be used again
    answer.encoding = answer.encoding or "utf-8"
    return answer


class Client:
    """A caller of the API; anonymous without a token.

    tokens: the answer to a log-in; its access token is renewed before it expires.
    """

    def __init__(
        self,
        url: str,
        contract: Contract,
        token: str = "",
        id: str = "",  # noqa: A002
        email: str = "",
        tokens: dict[str, Any] | None = None,
    ) -> None:
        self.url = url
        self.contract = contract
        self.id = id
        self.email = email
        self.tokens = tokens or {}
        self._token = token

    @property
    def token(self) -> str:
        """The access token, renewed in the last third of its life.

        The test signs the new token itself. A refresh token would write to the database, whose
        contents tests compare before and after, and an ended session has none.
        """
        if self._token and self._token == self.tokens.get("access_token"):
            claims = claims_of(self._token)
            life = claims["exp"] - claims["iat"]
            if time.time() > claims["exp"] - life / 3:
                actor = (claims["sub"], claims["role"], claims["sid"])
                self._token = self.tokens["access_token"] = auth.issue(settings(), *actor)
        return self._token

    @token.setter
    def token(self, token: str) -> None:
        self._token = token

    def holding(self, token: str) -> Client:
        """The same person with another access token, which is not renewed."""
        return Client(self.url, self.contract, token, self.id, self.email, self.tokens)

    @property
    def session_id(self) -> str:
        """The session of the access token."""
        return str(claims_of(self.token)["sid"])

    def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> requests.Response:
        token = self.token
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        address = self.url + path
        answer = request(method, address, headers=sent | (headers or {}), **more)
        self.contract.check(answer)
        return answer

    def get(self, path: str, **query: object) -> requests.Response:
        # `from` is a keyword of Python, so callers write from_.
        return self.send("GET", path, params={key.rstrip("_"): v for key, v in query.items()})

    def pages(self, path: str, **query: object) -> list[list[dict[str, Any]]]:
        """The items of a list, page by page, until no cursor follows."""
        pages, cursor = [], {}
        while cursor is not None:
            page = ok(self.get(path, **query, **cursor))
            pages.append(page["items"])
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
        return pages

    def post(self, path: str, body: object = None, *, key: str | None = None) -> requests.Response:
        headers = {"Idempotency-Key": key} if key is not None else {}
        return self.send("POST", path, json=body, headers=headers)

    def patch(self, path: str, body: object, *, version: str = "*") -> requests.Response:
        """Change a resource, by default whatever its version is."""
        return self.send("PATCH", path, json=body, headers={"If-Match": version})

    def delete(self, path: str) -> requests.Response:
        return self.send("DELETE", path)

    # Steps of many tests.

    def publish(self, start: datetime | None = None, minutes: int = 30) -> dict[str, Any]:
        """A new slot of this doctor, by default tomorrow."""
        start = start or at(1)
        ends_at = start + timedelta(minutes=minutes)
        body = {"starts_at": start.isoformat(), "ends_at": ends_at.isoformat()}
        return ok(self.post("/v1/slots", body), 201)

    def book(self, slot: dict[str, Any], **more: object) -> dict[str, Any]:
        """This patient's consultation in a slot."""
        body = {"slot_id": slot["id"], **more}
        return ok(self.post("/v1/consultations", body, key=new_key()), 201)

    def complete(self, consultation: dict[str, Any]) -> dict[str, Any]:
        """The consultation, completed by this doctor."""
        return ok(self.post(f"/v1/consultations/{consultation['id']}/complete", {}))

    def pay(self, consultation: dict[str, Any], amount_minor: int = 5000) -> dict[str, Any]:
        """A payment that this admin records."""
        body = {"amount_minor": amount_minor, "currency": "EUR", "method": "card"}
        path = f"/v1/consultations/{consultation['id']}/payments"
        return ok(self.post(path, body, key=new_key()), 201)


def ok(answer: requests.Response, status: int = 200) -> dict[str, Any]:
    """The body of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def problem(answer: requests.Response, status: int, code: str = "") -> dict[str, Any]:
    """The body of a refusal that must have this status and code."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"]) == (status, status), answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["type"] == f"/problems/{body['code']}"
    assert kind_of(body["code"]), body["code"]  # its page
    assert not code or body["code"] == code, answer.text
    return body


def places(answer: requests.Response) -> list[str]:
    """The fields that a 422 points at, sorted."""
    errors = problem(answer, 422)["errors"]
    return sorted(e.get("pointer") or e.get("parameter") or e.get("header") for e in errors)


def statuses(answers: list[requests.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def new_key() -> str:
    return str(uuid.uuid4())


def at(days: int, hour: int = 9, minute: int = 0) -> datetime:
    """A time of day some days from the day on which the tests began, in UTC.

    The tests may end after midnight.
    """
    return TODAY + timedelta(days=days, hours=hour, minutes=minute)


def race(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of calls that a barrier starts at the same moment."""
    start = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))
