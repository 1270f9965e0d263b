"""Who may call what: every route, once for each kind of caller."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.client import Client, problem
from tests.people import log_in

ANYONE = ("stranger", "patient", "doctor", "admin")
SIGNED_IN = ANYONE[1:]
SOME_ID = "00000000-0000-4000-8000-000000000000"
CONSULTATION = f"/v1/consultations/{SOME_ID}"

# Written down by hand, so that a decorator that was forgotten is noticed.
ROUTES = [
    ("POST", "/v1/auth/signup", ANYONE),
    ("POST", "/v1/auth/login", ANYONE),
    ("POST", "/v1/auth/refresh", ANYONE),
    ("POST", "/v1/auth/logout", SIGNED_IN),
    ("GET", "/v1/me", SIGNED_IN),
    ("PATCH", "/v1/me", SIGNED_IN),
    ("POST", "/v1/me/mfa", SIGNED_IN),
    ("POST", "/v1/me/mfa/confirm", SIGNED_IN),
    ("DELETE", "/v1/me/mfa", SIGNED_IN),
    ("POST", "/v1/admin/doctors", ("admin",)),
    ("GET", "/v1/doctors", SIGNED_IN),
    ("GET", f"/v1/doctors/{SOME_ID}", SIGNED_IN),
    ("GET", f"/v1/doctors/{SOME_ID}/slots", SIGNED_IN),
    ("POST", "/v1/slots", ("doctor",)),
    ("GET", "/v1/slots", SIGNED_IN),
    ("POST", "/v1/slots/recurring", ("doctor",)),
    ("DELETE", f"/v1/slots/{SOME_ID}", ("doctor",)),
    ("POST", "/v1/time-off", ("doctor",)),
    ("GET", "/v1/time-off", ("doctor",)),
    ("DELETE", f"/v1/time-off/{SOME_ID}", ("doctor",)),
    ("POST", "/v1/consultations", ("patient",)),
    ("GET", "/v1/consultations", SIGNED_IN),
    ("GET", CONSULTATION, SIGNED_IN),
    ("POST", f"{CONSULTATION}/complete", ("doctor",)),
    ("POST", f"{CONSULTATION}/cancel", SIGNED_IN),
    ("POST", f"{CONSULTATION}/reschedule", ("patient",)),
    ("GET", f"{CONSULTATION}/history", SIGNED_IN),
    ("POST", f"{CONSULTATION}/prescriptions", ("doctor",)),
    ("GET", f"{CONSULTATION}/prescriptions", SIGNED_IN),
    ("POST", f"{CONSULTATION}/payments", ("patient", "admin")),
    ("GET", f"{CONSULTATION}/payments", ("patient", "admin")),
    ("POST", f"/v1/payments/{SOME_ID}/refunds", ("admin",)),
    ("GET", "/v1/admin/analytics", ("admin",)),
    ("GET", "/v1/admin/audit-logs", ("admin",)),
    ("GET", "/v1/admin/invariants", ("admin",)),
    ("GET", "/health", ANYONE),
    ("GET", "/health/live", ANYONE),
    ("GET", "/health/ready", ANYONE),
    ("GET", "/metrics", ANYONE),
]
IDS = [f"{method} {path.replace(SOME_ID, '{id}')}" for method, path, _ in ROUTES]


@pytest.mark.parametrize(("method", "path", "allowed"), ROUTES, ids=IDS)
def test_only_the_listed_roles_get_past_the_door(
    method: str,
    path: str,
    allowed: tuple[str, ...],
    stranger: Client,
    doctor: Client,
    patient: Client,
    admin: Client,
) -> None:
    callers = {"stranger": stranger, "doctor": doctor, "patient": patient, "admin": admin}
    if path == "/v1/auth/logout":  # the others go on in their sessions
        callers |= {r: log_in(stranger, c.email) for r, c in callers.items() if c.email}
    for role, caller in callers.items():
        # No body on purpose: whether somebody may call comes before whether the call is right.
        answer = caller.send(method, path)
        if role in allowed:
            assert answer.status_code not in (401, 403), (role, answer.text)
        elif role == "stranger":
            problem(answer, 401, "TM101")
        else:
            problem(answer, 403, "TM301")


@pytest.mark.parametrize(
    ("method", "path"),
    [(method, path) for method, path, _ in ROUTES if SOME_ID in path],
)
def test_an_id_that_nothing_has_is_not_found(
    method: str, path: str, doctor: Client, patient: Client, admin: Client
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "reschedule": {"slot_id": SOME_ID},
        "prescriptions": {"items": [{"drug": "Aspirin", "dosage": "100 mg"}]},
        "payments": {"amount_minor": 1, "currency": "EUR", "method": "card"},
        "refunds": {"amount_minor": 1},
    }
    body = bodies.get(path.rpartition("/")[2]) if method == "POST" else None
    roles = next(roles for m, p, roles in ROUTES if (m, p) == (method, path))
    for role, caller in {"doctor": doctor, "patient": patient, "admin": admin}.items():
        if role in roles:
            key = {"Idempotency-Key": f"{uuid.uuid4()}"}
            problem(caller.send(method, path, json=body, headers=key), 404)
            elsewhere = path.replace(SOME_ID, "no-uuid")
            problem(caller.send(method, elsewhere, json=body, headers=key), 404, "HTTP404")


def test_the_list_above_is_the_contract(stranger: Client) -> None:
    def pattern(path: str) -> str:
        return "/".join(
            "{}" if "{" in step or step == SOME_ID else step for step in path.split("/")
        )

    documented = {
        (method.upper(), pattern(path))
        for path, operations in stranger.contract.document["paths"].items()
        for method in operations
        if method != "parameters"
    }
    assert documented == {(method, pattern(path)) for method, path, _ in ROUTES}


@pytest.mark.parametrize(("method", "path", "allowed"), ROUTES, ids=IDS)
def test_the_document_tells_who_may_call(
    method: str, path: str, allowed: tuple[str, ...], stranger: Client
) -> None:
    operation = stranger.contract._operation(method, path)
    assert operation is not None
    assert ("security" in operation) == ("stranger" not in allowed)
    if "security" in operation:
        assert operation["security"] == [{"bearerAuth": []}]
        roles = operation["description"].rpartition("Roles: ")[2].rstrip(".").split(", ")
        assert set(roles) == set(allowed)
