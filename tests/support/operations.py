"""A valid request for every operation of the document, and what every answer has to be like."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests

from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, at, new_key, ok
from tests.support.people import log_in

METHODS = ("get", "post", "put", "patch", "delete")
NOWHERE = "00000000-0000-4000-8000-000000000000"
SESSION_ENDS = ("log_out", "refresh_session")  # or its refresh token is spent

# What is right in form, and refused all the same; see BODIES.
REFUSED = {
    "change_password": (422,),
    "reset_password": (422,),
    "confirm_mfa": (401, 409),  # whether something was enrolled or not
    "disable_mfa": (409,),
}

# Names that no answer has anywhere, with two exceptions: TOLD_BY, and the trail of changes has the
# seal of a completed consultation, which is made of what stands beside it.
SECRET_NAMES = re.compile(r"password|secret|hash|digest|salt|proof|otp|token", re.I)
SEALS = {"completion_digest"}
TOKENS = {"access_token", "token_type", "refresh_token"}
TOLD_BY = {
    "log_in": TOKENS,
    "refresh_session": TOKENS,
    "change_password": TOKENS,
    "enrol_mfa": {"secret", "otpauth_uri"},
}
SECRET_VALUES = re.compile(r"\$2[aby]\$\d\d\$")  # of bcrypt
HEADERS = {"X-Content-Type-Options": "nosniff"}
PUBLIC = "/.well-known/jwks.json"  # may be kept by caches

_numbers = itertools.count(1)


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
    def parameters(self) -> set[str]:
        """What may stand in its query."""
        given = self.described.get("parameters", [])
        return {str(p["name"]) for p in given if p["in"] == "query"}

    @property
    def roles(self) -> list[str]:
        """Who may do it, patients first; nobody has to be anything where it is empty."""
        if "security" not in self.described:
            return []
        told = self.described["description"].rpartition("Roles: ")[2].rstrip(".").split(", ")
        return sorted(told, reverse=True)

    @property
    def takes_key(self) -> bool:
        names = [p["name"] for p in self.described.get("parameters", [])]
        return "Idempotency-Key" in names

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema itself, where it is a reference."""
        while "$ref" in schema:
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


@dataclass
class Clinic:
    """A doctor and a patient with everything that there can be between them, and an admin."""

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

    def day(self) -> datetime:
        """A day that nothing else in this clinic is on."""
        return at(100 + next(self.times), 0)

    def request(
        self, operation: Operation, caller: Client, *, fresh: bool = False, nowhere: bool = False
    ) -> dict[str, Any]:
        """What Client.send wants for a valid request. With `nowhere`, the id is nobody's."""
        path = operation.path
        if "{" in path:
            found = NOWHERE if nowhere else self.id_of(PLACES[operation.id], fresh=fresh)
            path = re.sub(r"\{\w+\}", found, path)
        wanted = operation.body is not None
        body = BODIES[operation.id](self, caller, fresh) if wanted else None
        headers = {"Idempotency-Key": new_key()} if operation.takes_key else {}
        return {"method": operation.method, "path": path, "json": body, "headers": headers}

    def allowed(self, operation: Operation) -> Client:
        """Somebody who may do it, in a session of their own if it ends the session."""
        roles = operation.roles
        who: Client = getattr(self, roles[0]) if roles else self.patient
        if operation.id in SESSION_ENDS:
            who = log_in(who.holding(""), who.email)
        return who if roles else who.holding("")

    @property
    def secrets(self) -> set[str]:
        """What nobody else may see of this clinic."""
        private = {self.kept[kind] for kind in self.kept if kind not in ("doctor", "slot")}
        return private | {self.patient.id, self.patient.email}


def _scheduled(clinic: Clinic) -> dict[str, Any]:
    return clinic.patient.book(clinic.doctor.publish(clinic.time(), 5), reason="A secret")


def _completed(clinic: Clinic) -> dict[str, Any]:
    return clinic.doctor.complete(_scheduled(clinic))


def _treated(clinic: Clinic) -> str:
    consultation = _completed(clinic)
    path = f"/v1/consultations/{consultation['id']}/prescriptions"
    ok(clinic.doctor.post(path, PRESCRIPTION), 201)
    payment = clinic.admin.pay(consultation, 4000)
    body = {"amount_minor": 1, "reason": "Too much"}
    ok(clinic.admin.post(f"/v1/payments/{payment['id']}/refunds", body, key=new_key()), 201)
    return str(consultation["id"])


def _day_off(clinic: Clinic) -> dict[str, str]:
    day = clinic.day()
    return {"starts_at": day.isoformat(), "ends_at": (day + timedelta(hours=1)).isoformat()}


def _slot(clinic: Clinic) -> dict[str, str]:
    start = clinic.time()
    return {
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(minutes=5)).isoformat(),
    }


def _weekly(clinic: Clinic) -> dict[str, Any]:
    day = f"{clinic.day().date()}"
    hours = {"start_time": "09:00", "end_time": "09:30", "slot_minutes": 30}
    return {"from": day, "to": day, "weekdays": [1, 2, 3, 4, 5, 6, 7], **hours}


def _newcomer() -> dict[str, str]:
    return {"email": _email(), "password": PASSWORD, "full_name": "Pat"}


def _email() -> str:
    return f"attack{next(_numbers)}@clinic.test"


PRESCRIPTION = {"items": [{"drug": "Ibuprofen", "dosage": "400 mg"}], "notes": "With water"}
PAYMENT = {"amount_minor": 100, "currency": "EUR", "method": "card"}

# How to come by each kind of thing that an address can name.
MAKERS: dict[str, Callable[[Clinic], str]] = {
    "doctor": lambda clinic: clinic.doctor.id,
    "slot": lambda clinic: str(clinic.doctor.publish(clinic.time(), 5)["id"]),
    "time off": lambda clinic: str(
        ok(clinic.doctor.post("/v1/time-off", _day_off(clinic)), 201)["id"]
    ),
    "scheduled": lambda clinic: str(_scheduled(clinic)["id"]),
    "completed": lambda clinic: str(_completed(clinic)["id"]),
    "treated": _treated,
    "session": lambda clinic: log_in(clinic.patient.holding(""), clinic.patient.email).session_id,
    "user": lambda clinic: str(
        ok(clinic.patient.holding("").post("/v1/auth/signup", _newcomer()), 201)["id"]
    ),
    "payment": lambda clinic: str(clinic.admin.pay(_completed(clinic), 1000)["id"]),
}

# What the id in an operation's address is of. A new operation needs a line here if it has an id,
# and one below if it has a body.
PLACES = {
    "get_doctor": "doctor",
    "list_open_slots": "doctor",
    "withdraw_slot": "slot",
    "end_time_off": "time off",
    "get_consultation": "treated",
    "complete_consultation": "scheduled",
    "cancel_consultation": "scheduled",
    "reschedule_consultation": "scheduled",
    "consultation_history": "treated",
    "issue_prescription": "completed",
    "list_prescriptions": "treated",
    "record_payment": "completed",
    "list_payments": "treated",
    "refund_payment": "payment",
    "end_session": "session",
    "deactivate_user": "user",
    "activate_user": "user",
}

BODIES: dict[str, Callable[[Clinic, Client, bool], dict[str, Any]]] = {
    "sign_up": lambda _c, _w, _f: _newcomer(),
    "log_in": lambda _c, who, _f: {"email": who.email, "password": PASSWORD},
    "refresh_session": lambda _c, who, _f: {"refresh_token": who.tokens["refresh_token"]},
    "log_out": lambda _c, _w, _f: {},
    "deactivate_user": lambda _c, _w, _f: {"cancel_consultations": True, "reason": "Moved away"},
    # Those of REFUSED. With the right password, or a right code, the others would be locked out.
    "change_password": lambda _c, _w, _f: {
        "current_password": "not this one at all",
        "new_password": "mauve trumpet 41 lagoon",
    },
    "request_password_reset": lambda _c, _w, _f: {"email": _email()},
    "reset_password": lambda _c, _w, _f: {
        "token": "A" * 43,
        "new_password": "mauve trumpet 41 lagoon",
    },
    "enrol_mfa": lambda _c, _w, _f: {},
    "confirm_mfa": lambda _c, _w, _f: {"otp": "000000"},
    "disable_mfa": lambda _c, _w, _f: {"otp": "000000"},
    "update_my_profile": lambda _c, _w, _f: {"phone": "030 901820"},
    "onboard_doctor": lambda _c, _w, _f: {
        "email": _email(),
        "password": PASSWORD,
        "full_name": "Dora Doctor",
        "specialty": "Dermatology",
        "time_zone": "Europe/Berlin",
        "fee_minor": 5000,
        "currency": "EUR",
    },
    "publish_slot": lambda clinic, _w, _f: _slot(clinic),
    "publish_weekly_slots": lambda clinic, _w, _f: _weekly(clinic),
    "take_time_off": lambda clinic, _w, _f: _day_off(clinic),
    "book_consultation": lambda clinic, _w, fresh: {
        "slot_id": clinic.id_of("slot", fresh=fresh),
        "reason": "A rash",
    },
    "complete_consultation": lambda _c, _w, _f: {"notes": "Healthy"},
    "cancel_consultation": lambda _c, _w, _f: {"reason": "Healthy again"},
    "reschedule_consultation": lambda clinic, _w, fresh: {
        "slot_id": clinic.id_of("slot", fresh=fresh)
    },
    "issue_prescription": lambda _c, _w, _f: PRESCRIPTION,
    "record_payment": lambda _c, _w, _f: PAYMENT,
    "refund_payment": lambda _c, _w, _f: {"amount_minor": 1, "reason": "Too much"},
}


def sound(answer: requests.Response, operation: str = "") -> requests.Response:
    """The answer, which is no failure, has the headers of every answer, and tells no secret.

    operation: the id of one that may tell what TOLD_BY says.
    """
    request = answer.request
    told = f"{request.method} {request.url} -> {answer.status_code} {answer.text[:500]}"
    assert answer.status_code < 500, told
    for name, value in HEADERS.items():
        assert answer.headers.get(name) == value, told
    kept = answer.headers["Cache-Control"] != "no-store"
    assert kept == (request.method in ("GET", "HEAD") and request.path_url == PUBLIC), told
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'"), told
    assert not [name for name in answer.headers if name.startswith("Access-Control-")], told
    assert not SECRET_VALUES.search(answer.text), told
    if "json" in answer.headers.get("Content-Type", "") and answer.content:
        names = set(_names(answer.json()))
        secret = {name for name in names - SEALS if SECRET_NAMES.search(name)}
        assert secret <= TOLD_BY.get(operation, set()), (secret, told)
    return answer


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for below in value:
            yield from _names(below)


def state(cluster: Cluster, database: str) -> str:
    """Changes whenever a request has changed something: the trail knows, or a key or a token."""
    return cluster.sql(
        """
        select concat_ws(' ',
            (select max(id) from app.audit_logs where table_name <> 'roles'),
            (select count(*) from app.idempotency_keys),
            (select concat_ws(' ', count(*), count(spent_at)) from app.refresh_tokens))
        """,
        database,
    )
