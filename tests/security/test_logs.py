"""No log has what a request says: not the API's, not the worker's, not PostgreSQL's.

Each request has a canary, a word that exists nowhere else, in one place: a field of the body, a
parameter of the query, a header or the path. PostgreSQL logs every statement.

One thing is in the log on purpose: the name that a client gives a request (X-Request-Id).
"""

from __future__ import annotations

import copy
import itertools
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.server import Cluster
from tests.support.client import Client, Contract, new_key, ok, request
from tests.support.operations import Operation, ValidRequests, documented
from tests.support.people import create_admin, log_in
from tests.support.server import MFA_KEY, Server, new_secrets, serve, wait_for
from tests.support.worker import worker

CANARY = re.compile(r"qz\d+canary", re.I)
# As much as PostgreSQL can log of a statement, but for the debugging of a superuser.
TALKATIVE = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_error_verbosity": "verbose",
    "log_min_messages": "notice",
}
# Sent together, because none keeps the others from being read.
HEADERS = (
    ("Authorization",),
    ("Idempotency-Key",),
    ("If-Match", "If-None-Match"),
    ("Content-Type",),
    ("Request-Deadline-Ms",),
    (
        *("Cookie", "Referer", "User-Agent", "X-Forwarded-For", "Origin", "Accept-Language"),
        *("Prefer", "X-Something", "traceparent", "baggage"),
    ),
)
# Texts that are valid in these fields only in this form.
FORMS = {"email": "{}@clinic.test", "url": "https://{}.example/in", "photo_url": "https://{}.test/"}
NOT_FREE = {"format", "enum", "pattern", "const"}
# Of the answers: whoever has one can act as its owner.
SECRET = re.compile(r'"(?:access_token|refresh_token|secret|otpauth_uri|url)": ?"([^"]{20,})"')


@dataclass
class Canaries:
    """Makes canaries, and knows in which request each one was."""

    numbers: Iterator[int] = field(default_factory=itertools.count)
    planted: dict[str, str] = field(default_factory=dict)

    def new(self, where: str) -> str:
        canary = f"qz{next(self.numbers)}canary"
        self.planted[canary] = where
        return canary

    def found_in(self, text: str) -> dict[str, str]:
        """The canaries of a log, with the request and the line."""
        return {
            self.planted[canary.lower()]: line[:500]
            for line in text.splitlines()
            for canary in CANARY.findall(line)
        }


def leaves(value: Any, schema: dict[str, Any], operation: Operation, path: tuple[Any, ...] = ()):  # noqa: ANN201
    """(path, schema) of each text in a body."""
    schema = operation.resolved(schema) if "$ref" in json.dumps(schema) else schema
    if isinstance(value, dict):
        for name, below in value.items():
            known = schema.get("properties", {}).get(name, {})
            yield from leaves(below, known, operation, (*path, name))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from leaves(below, schema.get("items", {}), operation, (*path, number))
    else:
        yield path, schema


def planted(body: Any, path: tuple[Any, ...], text: str) -> Any:
    """A copy of a body with another text at a path."""
    body = copy.deepcopy(body)
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = text
    return body


@dataclass
class Logs:
    """A clinic of production whose every log is kept, and the requests that it has answered."""

    server: Server
    worker_log: Path
    postgresql: Callable[[], str]
    canaries: Canaries
    statuses: dict[str, set[int]]
    secrets: set[str]

    def all(self) -> dict[str, str]:
        return {
            "API": self.server.output,
            "worker": self.worker_log.read_text(),
            "PostgreSQL": self.postgresql(),
        }


@pytest.fixture(scope="module")
def logs(
    cluster: Cluster, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Logs]:
    """Send the requests."""
    database, folder = new_database(), tmp_path_factory.mktemp("logs")
    own = new_secrets()
    cluster.sql(f"select ops.add_context_key('{own['CONTEXT_KEY']}')", database)
    cluster.sql("update app.log_in_limits set free_attempts = 1000000", database)
    for name, value in TALKATIVE.items():
        cluster.sql(f"alter database {database} set {name} = '{value}'")
    start = cluster.log.stat().st_size
    production = {"APP_ENV": "production", "MFA_KEYS": MFA_KEY, "BCRYPT_COST": "10"} | own
    production["ACCESS_TOKEN_EXPIRE_MINUTES"] = "60"
    url = cluster.url(database, "telemed_api")
    more = {"APP_ENV": "production", "MFA_KEYS": own["MFA_KEYS"]}
    more |= {"SMTP_URL": "smtp+plaintext://localhost:1", "WORKER_CONCURRENCY": "4"}
    with (
        serve(url, folder / "api", LOG_LEVEL="DEBUG", **production) as server,
        worker(cluster, database, folder, "worker", LOG_LEVEL="DEBUG", **more) as instance,
    ):
        wait_for(server.url + "/health/ready", 200)
        canaries, statuses, found = Canaries(), defaultdict(set), set()
        create_admin(cluster.url(database), "chief@clinic.test")
        attack(server, canaries, statuses, found)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (
            instance.lines("message_failed") and instance.lines("webhook")
        ):
            time.sleep(0.1)
        instance.stop()
        yield Logs(
            server,
            instance.log,
            lambda: cluster.log.read_text()[start:],
            canaries,
            statuses,
            found,
        )


def attack(
    server: Server, canaries: Canaries, statuses: dict[str, set[int]], found: set[str]
) -> None:
    """Send every operation with canaries in every place."""
    stranger = Client(server.url, Contract({"paths": {}, "components": {}}))
    stranger.contract.check = lambda answer: None  # type: ignore[method-assign]
    clinic = ValidRequests(*people(stranger))

    def send(where: str, caller: Client, **arguments: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
        headers |= arguments.pop("headers", {})
        path = arguments.pop("path")
        answer = request(arguments.pop("method"), server.url + path, headers=headers, **arguments)
        statuses[where].add(answer.status_code)
        found.update(SECRET.findall(answer.text))
        return answer

    for operation in documented():
        name, caller = operation.id, clinic.allowed(operation)
        valid = clinic.request(operation, caller, fresh=True)
        texts = list(leaves(valid["json"] or {}, operation.body or {}, operation))
        # All free texts at once, in a request that is carried out.
        body = valid["json"]
        for path, schema in texts:
            form = FORMS.get(str(path[-1]), "{}")
            is_text = schema.get("type") == "string" and not NOT_FREE & set(schema)
            is_own = path[-1] in ("password", "email") and name != "sign_up"
            if (is_text or form != "{}") and not is_own:
                body = planted(body, path, form.format(canaries.new(f"{name}: {path}, valid")))
        query = {"unknown": canaries.new(f"{name}: ?unknown=")}
        send(f"{name} valid", caller, **{**valid, "json": body})
        send(f"{name} query", caller, **valid, params=query)
        # Each place by itself; most are refused.
        for path, _ in texts:
            form = FORMS.get(str(path[-1]), "{}")
            text = form.format(canaries.new(f"{name}: {path}"))
            send(f"{name} body", caller, **{**valid, "json": planted(valid["json"], path, text)})
        if valid["json"] is not None:
            canary = canaries.new(f"{name}: an unknown field")
            send(f"{name} body", caller, **{**valid, "json": {**valid["json"], canary: canary}})
            raw = f'{{"{canaries.new(f"{name}: not JSON")}'
            headers = {**valid["headers"], "Content-Type": "application/json"}
            send(f"{name} body", caller, **{**valid, "json": None, "headers": headers}, data=raw)
        for parameter in operation.parameters:
            canary = canaries.new(f"{name}: ?{parameter}=")
            send(f"{name} query", caller, **valid, params={parameter: canary})
        for group in HEADERS:
            given = {header: canaries.new(f"{name}: {header}") for header in group}
            send(f"{name} header", caller, **{**valid, "headers": valid["headers"] | given})
        if operation.path_parameter:
            path = operation.path_with(canaries.new(f"{name}: path"))
            send(f"{name} path", caller, **{**valid, "path": path})


def people(stranger: Client) -> tuple[Client, Client, Client]:
    """A patient, a doctor and the admin, logged in."""
    admin = log_in(stranger, "chief@clinic.test")
    person = {"password": "correct horse battery staple", "full_name": "Some One"}
    ok(stranger.post("/v1/auth/signup", {**person, "email": "patient@clinic.test"}), 201)
    doctor = {**person, "specialty": "Cardiology", "time_zone": "UTC", "fee_minor": 5000}
    doctor |= {"email": "doctor@clinic.test", "currency": "EUR"}
    ok(admin.post("/v1/admin/doctors", doctor, key=new_key()), 201)
    patient, doctor_ = (log_in(stranger, f"{n}@clinic.test") for n in ("patient", "doctor"))
    return patient, doctor_, admin


@pytest.mark.parametrize("name", ["API", "worker", "PostgreSQL"])
def test_no_canary_is_in_a_log(logs: Logs, name: str) -> None:
    assert not logs.canaries.found_in(logs.all()[name])


@pytest.mark.parametrize("name", ["API", "worker", "PostgreSQL"])
def test_no_secret_of_an_answer_is_in_a_log(logs: Logs, name: str) -> None:
    assert len(logs.secrets) > 5
    text = logs.all()[name]
    assert not [secret for secret in logs.secrets if secret in text]


def test_every_request_is_one_line_of_json(logs: Logs) -> None:
    lines = [json.loads(line) for line in logs.server.output.splitlines()]
    ids = [line["request_id"] for line in lines if line["event"] == "request"]
    assert len(ids) == len(set(ids)) > 1000


def test_canaries_were_read_by_every_layer(logs: Logs) -> None:
    """The requests did what they should: otherwise there would be nothing to log."""
    texts = logs.all()
    assert texts["PostgreSQL"].count("api.book_consultation(p_slot_id => $5") > 3
    assert "message_failed" in texts["worker"]
    assert '"event": "webhook"' in texts["worker"]
    for operation in documented():
        for where in ("valid", "header"):
            assert logs.statuses[f"{operation.id} {where}"], operation.id
    carried_out = {n for n, found in logs.statuses.items() if " valid" in n and min(found) < 300}
    assert {
        f"{name} valid"
        for name in (
            *("book_consultation", "cancel_consultation", "issue_prescription", "sign_up"),
            *("update_my_profile", "record_payment", "refund_payment", "onboard_doctor"),
        )
    } <= carried_out
    assert len(logs.canaries.planted) > 1000
