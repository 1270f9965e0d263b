"""The short form of `make drill NAME=fuzz`, and faults that its checks must find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drills.fuzz import broken_app, drill, findings
from drills.fuzz.drill import Answered, Clinic, Plan
from scripts.server import Cluster
from tests.support.long import long
from tests.support.server import Server

SHORT = Plan(seed=1, examples=1, phases=("examples", "fuzzing", "stateful"), others=10)
OFTEN = ("anonymous", "patient")  # the other roles take long
# Operations of each role that have an answer 2xx also in the short form.
SUCCEED = {
    "anonymous": {"POST /v1/auth/signup", "GET /health", "GET /v1/calendars/{token}.ics"},
    "patient": {"GET /v1/me", "GET /v1/doctors/{doctor_id}", "POST /v1/consultations"},
    "doctor": {
        "GET /v1/consultations/{consultation_id}",
        "POST /v1/slots",
        "POST /v1/consultations/{consultation_id}/join",
    },
    "admin": {
        "GET /v1/admin/analytics",
        "GET /v1/admin/audit-logs",
        "GET /v1/events",
        "GET /v1/webhooks/{webhook_id}",
        "POST /v1/webhooks/{webhook_id}/ping",
        "POST /v1/webhooks/{webhook_id}/redeliver",
        "GET /v1/webhooks/{webhook_id}/attempts",
    },
}


@pytest.fixture(scope="module")
def clinic(
    cluster: Cluster, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Clinic, Server]]:
    folder = tmp_path_factory.mktemp("fuzz")
    with drill.demo_clinic(cluster, new_database(), folder, SHORT.others) as running:
        yield running


@pytest.mark.parametrize(
    "role", [pytest.param(r, marks=() if r in OFTEN else long) for r in drill.ROLES]
)
def test_requests_from_the_document_get_documented_answers(
    role: str, clinic: tuple[Clinic, Server], tmp_path: Path
) -> None:
    made, server = clinic
    answered = drill.send(made, server.url, role, SHORT, tmp_path)
    found = findings.faults([answered], drill.bugs(server), made.violations())
    assert not found, "\n".join(found)
    assert answered.succeeded >= SUCCEED[role]
    assert answered.cases > len(answered.succeeded)


@long
def test_boundaries_of_the_schemas_get_documented_answers(
    clinic: tuple[Clinic, Server], tmp_path: Path
) -> None:
    made, server = clinic
    plan = Plan(1, 1, ("coverage",), more=("--include-method", "POST"))
    answered = drill.send(made, server.url, "patient", plan, tmp_path)
    found = findings.faults([answered], drill.bugs(server), {})
    assert not found, "\n".join(found)


@long
def test_deliberate_faults_are_found(
    cluster: Cluster, new_database: Callable[[], str], tmp_path: Path
) -> None:
    operations = [argument for name in broken_app.FAULTS for argument in ("--include-name", name)]
    plan = Plan(seed=1, examples=1, phases=("coverage",), others=2, more=operations)
    app = "drills.fuzz.broken_app:build()"
    with drill.demo_clinic(cluster, new_database(), tmp_path, plan.others, app) as (made, server):
        answered = drill.send(made, server.url, "patient", plan, tmp_path)
    found = {(fault["operation"], fault["check"]) for fault in answered.faults}
    expected = {(operation, check) for operation, (check, _) in broken_app.FAULTS.items()}
    assert expected <= found, expected - found


def test_faults_bugs_and_broken_invariants_are_reported() -> None:
    fault = {
        "check": "ignored_auth",
        "operation": "GET /v1/me",
        "detail": "200 without\na token",
        "request": "curl",
        "answer": "200",
    }
    answered = Answered("admin", cases=9_999, faults=[fault])
    answered.answers["GET /v1/me 200"] = 3
    found = findings.faults([answered], ['{"event": "bug"}'], {"slots_never_overlap": ["a"]})
    assert found == [
        "admin: ignored_auth | GET /v1/me | 200 without a token | curl | 200",
        'the log of the server has a bug: {"event": "bug"}',
        "the invariant slots_never_overlap is violated: ['a']",
    ]
    assert list(findings.excesses([answered])) == ["admin: 9,999 cases, less than 10,000"]
    report = findings.text([answered], Plan(1, 2), "15", found)
    assert "- **the invariant slots_never_overlap" in report
    assert "| admin | 9,999 | 0.0 | 1 | 3 | 0 | 0 | 1 |" in report
