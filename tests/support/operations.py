"""A valid request for every operation of the document, and what every answer has to be like."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, partial
from typing import Any, TypeAlias

import requests

from api import config
from api.app import create_app
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, at, new_key, ok
from tests.support.people import log_in
from tests.support.server import environment

METHODS = ("get", "post", "put", "patch", "delete")
NOWHERE = "00000000-0000-4000-8000-000000000000"
SESSION_ENDS = ("log_out", "refresh_session")  # or its refresh token is spent

# What is right in form, and refused all the same. With the right password, or a right code, the
# others would be locked out.
REFUSED = {
    "change_password": (422,),
    "close_my_account": (422,),
    "request_email_change": (422,),
    "verify_email": (422,),
    "reset_password": (422,),
    "confirm_mfa": (401, 409),  # whether something was enrolled or not
    "disable_mfa": (409,),
}

# Names that no answer has anywhere, except those of SECRETS_OF and NO_SECRETS. An id is no secret:
# the event of a password reset has a password_reset_id.
SECRET_NAMES = re.compile(r"password|secret|hash|digest|salt|proof|otp|token", re.I)
NO_SECRETS = {
    "completion_digest",  # of a completed consultation in the audit log: made of what is beside it
    "hash",  # of a seal of the audit log: shows that the seal is the one that was exported
    "password_resets",  # the name of a table in an export
}
TOKENS = {"access_token", "token_type", "refresh_token"}
SECRETS_OF = {
    "log_in": TOKENS,
    "refresh_session": TOKENS,
    "change_password": TOKENS,
    "enrol_mfa": {"secret", "otpauth_uri"},
    "join_consultation": {"token"},
    "create_webhook": {"secret"},
    "rotate_webhook_secret": {"secret"},
}
SECRET_VALUES = re.compile(r"\$2[aby]\$\d\d\$")  # of bcrypt
HEADERS = {"X-Content-Type-Options": "nosniff"}
PUBLIC = "/.well-known/jwks.json"  # may be kept by caches

Values: TypeAlias = Mapping[str, Callable[[], object]]

_numbers = itertools.count(1)
_states: dict[str, str] = {}  # what ValidRequests.kind has found, by the id of the operation


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI document."""

    method: str
    path: str
    described: dict[str, Any]
    components: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def id(self) -> str:
        return str(self.described["operationId"])

    @property
    def body(self) -> dict[str, Any] | None:
        """The schema of its JSON body."""
        if "requestBody" not in self.described:
            return None
        return self.resolved(self.described["requestBody"]["content"]["application/json"]["schema"])

    @property
    def path_parameter(self) -> str | None:
        """The name of the id in its path."""
        found = re.search(r"\{(\w+)\}", self.path)
        return found[1] if found else None

    def path_with(self, id_: str) -> str:
        return re.sub(r"\{\w+\}", id_, self.path)

    @property
    def parameters(self) -> set[str]:
        """What may stand in its query."""
        given = self.described.get("parameters", [])
        return {str(p["name"]) for p in given if p["in"] == "query"}

    @property
    def roles(self) -> list[str]:
        """The roles that may call it, patients first; empty if every caller may."""
        if not self.described["security"]:
            return []
        roles = self.described["description"].rpartition("Roles: ")[2].rstrip(".").split(", ")
        return sorted(roles, reverse=True)

    def takes(self, header: str) -> bool:
        """Whether the document has a header of its requests."""
        return header in [p["name"] for p in self.described.get("parameters", [])]

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema itself, where it is a reference, or a reference or null."""
        while "$ref" in schema or "anyOf" in schema:
            schema = (schema.get("anyOf") or [schema])[0]
            schema = self.components["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema


def operations(document: dict[str, Any]) -> list[Operation]:
    """All of them, in the document's order."""
    return [
        Operation(method.upper(), path, described, document["components"])
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    ]


@cache
def documented() -> list[Operation]:
    """The operations of the application in this checkout, without a server."""
    app = create_app(config.load(environment("postgresql://nowhere")))
    answer = app.test_client().get("/openapi.json")
    return operations(answer.get_json())


def example(operation: Operation, values: Values) -> dict[str, Any]:
    """The arguments of Client.send for a valid request, except the path.

    values: makes the value of a field, by the name of the field. The rest is the example of the
    document.
    """

    def filled_in(given: dict[str, Any]) -> dict[str, Any]:
        return {
            name: values[name]()
            if name in values
            else [filled_in(item) for item in value]
            if isinstance(value, list) and value and isinstance(value[0], dict)
            else value
            for name, value in given.items()
        }

    body = None
    if operation.body is not None:
        body = filled_in(
            operation.described["requestBody"]["content"]["application/json"]["example"]
        )
    headers = {"Idempotency-Key": new_key()} if operation.takes("Idempotency-Key") else {}
    if operation.takes("If-Match"):
        headers["If-Match"] = "*"
    return {"method": operation.method, "json": body, "headers": headers}


@dataclass
class ValidRequests:
    """Makes a valid request for every operation, from the examples of the OpenAPI document.

    It has a doctor, a patient with every kind of resource, and an admin.
    """

    patient: Client
    doctor: Client
    admin: Client
    kept: dict[str, str] = field(default_factory=dict)
    times: Iterator[int] = field(default_factory=itertools.count)

    def id_of(self, kind: str, *, fresh: bool = False) -> str:
        """The id of a slot, a consultation...: of the one that stays as it is, or of a new one."""
        if fresh:
            return MAKERS[kind](self)
        if kind not in self.kept:
            self.kept[kind] = MAKERS[kind](self)
        return self.kept[kind]

    def time(self) -> datetime:
        """The start of five minutes that nothing else in this clinic is in."""
        return at(2) + timedelta(minutes=5 * next(self.times))

    def day(self) -> date:
        """A day months after every `time`."""
        return at(100 + next(self.times)).date()

    def request(
        self, operation: Operation, caller: Client, *, fresh: bool = False, nowhere: bool = False
    ) -> dict[str, Any]:
        """Arguments of Client.send for a valid request. With `nowhere`, the id does not exist."""
        path = operation.path
        if name := operation.path_parameter:
            kind = self.kind(operation, name)
            path = operation.path_with(NOWHERE if nowhere else self.id_of(kind, fresh=fresh))
        return {"path": path, **self._send(operation, caller, fresh=fresh)}

    def kind(self, operation: Operation, name: str) -> str:
        """The kind of thing whose id in the path lets the operation succeed.

        It follows from the name of the parameter, except for the state of a consultation: a read
        gets a treated one, any other operation the first state of STATES in which it succeeds.
        """
        kinds = STATES.get(name, (name.removesuffix("_id"),))
        if operation.method == "GET":
            kinds = kinds[-1:]
        if len(kinds) > 1 and operation.id not in _states:
            caller = self.allowed(operation)
            for kind in kinds:
                path = operation.path_with(self.id_of(kind, fresh=True))
                answer = caller.send(path=path, **self._send(operation, caller, fresh=True))
                if answer.status_code < 300:
                    _states[operation.id] = kind
                    break
            else:
                raise AssertionError(f"{operation}: no state of STATES is right: {answer.text}")
        return _states.get(operation.id, kinds[0])

    def values(self, *, fresh: bool) -> Values:
        """Makes ids, e-mail addresses and times of this clinic, when a request needs them."""
        start, first = cache(self.time), cache(self.day)
        return {f"{kind}_id": partial(self.id_of, kind, fresh=fresh) for kind in MAKERS} | {
            "consultation_id": partial(self.id_of, "scheduled", fresh=fresh),
            "email": _email,
            "starts_at": lambda: start().isoformat(),
            "ends_at": lambda: (start() + timedelta(minutes=5)).isoformat(),
            "from": lambda: str(first()),
            "to": lambda: str(first() + timedelta(days=6)),
        }

    def _send(self, operation: Operation, caller: Client, *, fresh: bool) -> dict[str, Any]:
        sent = example(operation, self.values(fresh=fresh))
        if sent["json"] is not None:
            sent["json"] |= credentials(operation, caller)
        return sent

    def allowed(self, operation: Operation) -> Client:
        """A caller who may do it, with a session of its own if the operation ends the session."""
        roles = operation.roles
        caller: Client = getattr(self, roles[0]) if roles else self.patient
        if operation.id in SESSION_ENDS:
            caller = log_in(caller.holding(""), caller.email)
        return caller if roles else caller.holding("")

    @property
    def secrets(self) -> set[str]:
        """Values that no other caller may see."""
        private = {self.kept[kind] for kind in self.kept if kind not in ("doctor", "slot")}
        return private | {self.patient.id, self.patient.email}


def credentials(operation: Operation, caller: Client) -> dict[str, str]:
    """The fields of a body that only the caller knows."""
    return {
        "log_in": {"email": caller.email, "password": PASSWORD},
        "refresh_session": {"refresh_token": caller.tokens.get("refresh_token", "")},
    }.get(operation.id, {})


def _scheduled(clinic: ValidRequests) -> dict[str, Any]:
    return clinic.patient.book(clinic.doctor.publish(clinic.time(), 5), reason="A secret")


def _completed(clinic: ValidRequests) -> dict[str, Any]:
    return clinic.doctor.complete(_scheduled(clinic))


def _treated(clinic: ValidRequests) -> str:
    consultation = _completed(clinic)
    path = f"/v1/consultations/{consultation['id']}/prescriptions"
    ok(clinic.doctor.post(path, PRESCRIPTION), 201)
    payment = clinic.admin.pay(consultation, 4000)
    body = {"amount_minor": 1, "reason": "Too much"}
    ok(clinic.admin.post(f"/v1/payments/{payment['id']}/refunds", body, key=new_key()), 201)
    return str(consultation["id"])


def _prescription(clinic: ValidRequests) -> str:
    path = f"/v1/consultations/{_completed(clinic)['id']}/prescriptions"
    return str(ok(clinic.doctor.post(path, PRESCRIPTION), 201)["id"])


def _time_off(clinic: ValidRequests) -> str:
    start = clinic.time()
    end = start + timedelta(minutes=5)
    body = {"starts_at": start.isoformat(), "ends_at": end.isoformat()}
    return str(ok(clinic.doctor.post("/v1/time-off", body), 201)["id"])


def _user(clinic: ValidRequests) -> str:
    body = {"email": _email(), "password": PASSWORD, "full_name": "Pat"}
    return str(ok(clinic.patient.holding("").post("/v1/auth/signup", body), 201)["id"])


def _calendar(clinic: ValidRequests) -> str:
    """The token of the calendar of another patient: that of `patient` ends with each new one."""
    stranger, email = clinic.patient.holding(""), _email()
    body = {"email": email, "password": PASSWORD, "full_name": "Pat"}
    ok(stranger.post("/v1/auth/signup", body), 201)
    url = ok(log_in(stranger, email).post("/v1/me/calendar"), 201)["url"]
    return str(url.rpartition("/")[2].removesuffix(".ics"))


def _webhook(clinic: ValidRequests) -> str:
    body = {"url": "https://hooks.clinic.test/in"}
    return str(ok(clinic.admin.post("/v1/webhooks", body), 201)["id"])


def _email() -> str:
    return f"attack{next(_numbers)}@clinic.test"


PRESCRIPTION = {"items": [{"drug": "Ibuprofen", "dosage": "400 mg"}], "notes": "With water"}

# Makes each kind of thing whose id a path or a body can have, as in `slot_id`.
MAKERS: dict[str, Callable[[ValidRequests], str]] = {
    "doctor": lambda clinic: clinic.doctor.id,
    "slot": lambda clinic: str(clinic.doctor.publish(clinic.time(), 5)["id"]),
    "time_off": _time_off,
    "scheduled": lambda clinic: str(_scheduled(clinic)["id"]),
    "completed": lambda clinic: str(_completed(clinic)["id"]),
    "treated": _treated,
    "session": lambda clinic: log_in(clinic.patient.holding(""), clinic.patient.email).session_id,
    "user": _user,
    "payment": lambda clinic: str(clinic.admin.pay(_completed(clinic))["id"]),
    "prescription": _prescription,
    "token": _calendar,
    "webhook": _webhook,
}
STATES = {"consultation_id": ("scheduled", "completed", "treated")}


def sound(answer: requests.Response, operation: str = "") -> requests.Response:
    """The answer, after a check: no 5xx, the headers of every answer, and no secret.

    operation: the id of an operation that may return the names in SECRETS_OF.
    """
    request = answer.request
    described = f"{request.method} {request.url} -> {answer.status_code} {answer.text[:500]}"
    assert answer.status_code < 500, described
    for name, value in HEADERS.items():
        assert answer.headers.get(name) == value, described
    kept = answer.headers["Cache-Control"] != "no-store"
    assert kept == (request.method in ("GET", "HEAD") and request.path_url == PUBLIC), described
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'"), described
    assert not [name for name in answer.headers if name.startswith("Access-Control-")], described
    assert not SECRET_VALUES.search(answer.text), described
    if "json" in answer.headers.get("Content-Type", "") and answer.content:
        names = set(_names(answer.json()))
        names = {name for name in names - NO_SECRETS if not name.endswith("_id")}
        secret = {name for name in names if SECRET_NAMES.search(name)}
        assert secret <= SECRETS_OF.get(operation, set()), (secret, described)
    return answer


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for below in value:
            yield from _names(below)


def state(cluster: Cluster, database: str) -> str:
    """A text that differs after any change: of a row in the audit log, a key or a token."""
    return cluster.sql(
        """
        select concat_ws(' ',
            (select max(id) from app.audit_logs where table_name <> 'roles'),
            (select count(*) from app.idempotency_keys),
            (select concat_ws(' ', count(*), count(spent_at)) from app.refresh_tokens))
        """,
        database,
    )
