"""What Schemathesis loads: the caller of each request, the checks of this API, and a record.

Environment variables: FUZZ_CALLER is a file with the access tokens of the role, FUZZ_RECORD the
file for the record.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response, cli
from schemathesis.engine import events

from api import deadline, password_strength
from api.errors import MEDIA_TYPE
from api.fields import Email, Line
from scripts.system import CHECKOUT

# They end the session or the account of their caller, so each call has another caller.
ENDING = {
    "POST /v1/auth/logout",
    "POST /v1/me/password",
    "POST /v1/me/email",
    "POST /v1/me/mfa/confirm",
    "DELETE /v1/me",
    "DELETE /v1/me/mfa",
    "DELETE /v1/me/sessions/{session_id}",
}
NOT_VALID = "The request is not valid."  # the detail of a refusal by a schema
# Reasons of a refusal by a schema that JSON Schema cannot express.
BEYOND_JSON_SCHEMA = {
    "`to` must not be before `from`.": "two parameters are compared",
    password_strength.ADVICE: "the guesses that a password takes are counted",
    Line.default_error_messages["line"]: "hidden characters: the ranges are too many for a pattern",
    Email.default_error_messages["hidden"]: "the same",
}

KNOWN_CODES = set(re.findall(r"^\| `(TM\d{3})`", (CHECKOUT / "db/errors.md").read_text(), re.M))
# Of PostgreSQL itself: a value that the schema permits and the database does not.
SQLSTATE = re.compile(r"2[0-9A-Z]{4}|54001")
FEW = 3  # failures of a check of an operation that are kept
LONGEST = 2000  # characters of a text

caller = json.loads(Path(os.environ["FUZZ_CALLER"]).read_text())

if caller["token"]:
    others = itertools.cycle(caller["others"])

    @schemathesis.auth(refresh_interval=None)
    class Caller:
        """The access token of the role; for operations of ENDING that of another account."""

        def get(self, case: Case, _context: Any) -> str:
            return next(others) if case.operation.label in ENDING else caller["token"]

        def set(self, case: Case, data: str, _context: Any) -> None:
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(_context: Any, case: Case, _kwargs: Any) -> None:
    """Wait long: a short deadline is kept by 504, which is no fault."""
    given = (case.headers or {}).get(deadline.HEADER, "")
    if deadline.WHOLE.fullmatch(str(given)):
        case.headers[deadline.HEADER] = str(deadline.LONGEST_MS)


@schemathesis.check
def refusal_is_a_documented_problem(_context: CheckContext, response: Response, case: Case) -> None:
    """Every error is a problem document with a code of db/errors.md and the type of this code."""
    if response.status_code < 400 or case.method == "HEAD":
        return
    assert header(response, "content-type") == MEDIA_TYPE, header(response, "content-type")
    problem = response.json()
    code = problem.get("code", "")
    known = code in KNOWN_CODES or code == f"HTTP{response.status_code}"
    assert known or SQLSTATE.fullmatch(code), code
    assert re.split("[:/]", problem.get("type", ""))[-1].upper() == code
    assert problem.get("status") == response.status_code
    assert problem.get("request_id") == header(response, "x-request-id")


@schemathesis.check
def valid_request_passes_the_schema(_context: CheckContext, response: Response, case: Case) -> None:
    """No request that the document permits is refused by a schema, a domain or a CHECK."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code != 422:
        return
    problem = response.json()
    assert not SQLSTATE.fullmatch(problem.get("code", "")), problem
    if problem.get("detail") == NOT_VALID:
        errors = problem.get("errors")
        assert errors, problem
        for error in errors:
            expected = error["detail"] in BEYOND_JSON_SCHEMA
            assert expected or is_float(case.body, error.get("pointer", "")), problem


@cli.handler()
class Record(cli.EventHandler):  # type: ignore[misc]
    """Counts cases, answers and checks, and keeps the first failures of each check."""

    def __init__(self, *_args: Any, **_params: Any) -> None:
        self.cases = 0
        self.answers: Counter[str] = Counter()
        self.checks: Counter[str] = Counter()
        self.faults: list[dict[str, str]] = []
        self.failures: Counter[tuple[str, str]] = Counter()

    def handle_event(self, _context: Any, event: events.EngineEvent) -> None:
        """Count the cases of a scenario, which has ended."""
        if isinstance(event, events.ScenarioFinished):
            recorder = event.recorder
            self.cases += len(recorder.cases)
            for id_, interaction in recorder.interactions.items():
                case, response = recorder.cases[id_].value, interaction.response
                status = response.status_code if response else "nothing"
                self.answers[f"{case.method} {case.path} {status}"] += 1
            for id_, checks in recorder.checks.items():
                for check in checks:
                    self.checks[check.name] += 1
                    if check.failure_info:
                        self._add(recorder, id_, check)
        elif isinstance(event, events.NonFatalError):
            self.faults.append(fault("no error of Schemathesis", event.label, repr(event.value)))
        elif isinstance(event, events.FatalError):
            self.faults.append(fault("no error of Schemathesis", "", repr(event.exception)))

    def _add(self, recorder: Any, id_: str, check: Any) -> None:
        case, response = recorder.cases[id_].value, recorder.interactions[id_].response
        operation, failure = f"{case.method} {case.path}", check.failure_info.failure
        self.failures[check.name, operation] += 1
        if self.failures[check.name, operation] <= FEW:
            detail = f"{failure.title}: {failure.message}"
            answer = f"{response.status_code} {response.text}" if response else "no answer"
            sample = check.failure_info.code_sample
            self.faults.append(fault(check.name, operation, detail, sample, answer))

    def shutdown(self, _context: Any) -> None:
        """Write the record."""
        names = ("cases", "answers", "checks", "faults")
        record = {name: getattr(self, name) for name in names}
        Path(os.environ["FUZZ_RECORD"]).write_text(json.dumps(record))


def fault(check: str, operation: str, *texts: str) -> dict[str, str]:
    """A fault with the detail, the request and the answer."""
    detail, request, answer = (text[:LONGEST] for text in (*texts, "", "")[:3])
    found = {"check": check, "operation": operation, "detail": detail}
    return found | {"request": request, "answer": answer}


def is_float(body: Any, pointer: str) -> bool:
    """Whether the value at a pointer is a number with a point.

    JSON Schema takes 5.0 for an integer; the API refuses it, because amounts have no fraction.
    """
    for step in pointer.split("/")[1:]:
        body = body[int(step)] if isinstance(body, list) else body[step]
    return isinstance(body, float)


def header(response: Response, name: str) -> str:
    """The value of a header that occurs once."""
    (value,) = response.headers.get(name, [""])
    return str(value)
