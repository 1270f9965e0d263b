"""Runs the tests against a broken clone of the deployed database until one of them fails."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from drills.mutants.catalog import Mutant
from drills.mutants.survivors import explanation
from scripts.cluster import CLUSTER_VARIABLE, TEMPLATE_VARIABLE
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError

TESTS = CHECKOUT / "db/tests"
DEPLOY = CHECKOUT / "db/deploy"
CREATES = re.compile(r"^create (?:or replace )?(?:function|table|domain|view) \w+\.(\w+)", re.M)
TEMPLATE = "telemed_mutants"
INTERLEAVINGS = "tests/concurrency/test_interleavings.py"
MESSAGES = "tests/worker/test_messages.py"
# pgTAP has one session, does not see notices and runs no worker. A pattern for the names of
# mutants, and the Python tests that run when the pgTAP files of the object and the invariants pass.
BEYOND_PGTAP = (
    (
        re.compile(r"while its message is handed over|work\.hold_message\(.*(for share|`<>`)"),
        (f"{MESSAGES}::test_slow_server_keeps_a_cancellation_waiting_for_a_second_at_most",),
    ),
    (
        re.compile(r"consultation that is joined|api\.join_consultation\(.*for no key"),
        (f"{INTERLEAVINGS}::test_join_waits_for_a_change_of_its_consultation",),
    ),
    (
        re.compile(r"addresses of a calendar|api\.create_my_calendar\("),
        (
            f"{INTERLEAVINGS}::test_two_concurrent_addresses_of_a_calendar_leave_the_second_in_force",
            f"{INTERLEAVINGS}::test_call_during_the_end_of_its_account_waits_and_is_refused",
        ),
    ),
    (
        re.compile(r"two writers give one number"),
        (f"{INTERLEAVINGS}::test_two_concurrent_events_of_a_consultation_get_two_numbers",),
    ),
    (
        re.compile(r"work\.claim_delivery\(.*for no key"),
        (
            f"{INTERLEAVINGS}"
            "::test_failing_endpoint_gets_one_of_two_deliveries_that_are_claimed_at_once",
        ),
    ),
    (
        re.compile(r"work\.enqueue_due_jobs\(.*skip locked"),
        (f"{INTERLEAVINGS}::test_worker_does_not_wait_for_one_that_moves_due_jobs_to_the_queue",),
    ),
    (
        re.compile(r"no lock|no for |`perform from |for no key up|for share|_advisory_xact_lock"),
        (INTERLEAVINGS, "tests/concurrency/test_races.py"),
    ),
    (re.compile(r"a replay is not marked"), ("tests/http/test_idempotency.py",)),
    (
        re.compile(r"app\.next_events\(|deactivated_doctors_offer_no_slots"),
        (INTERLEAVINGS,),
    ),
    (re.compile(r"log_in_attempt"), ("tests/security/test_log_in_throttling.py",)),
    (
        re.compile(r"api\.log_in\(|change_password|confirm_mfa"),
        ("tests/security/test_log_in_throttling.py", "tests/resources/test_sessions.py"),
    ),
    (re.compile(r"app\.set_actor\("), ("tests/security/test_context.py",)),
    (re.compile(r"ops\.purge\(.*skip locked"), ("tests/server/test_operations.py",)),
    (
        re.compile(r"ops\.seal_audit|app\.retire_audit_rows"),
        ("tests/security/test_audit_seals.py",),
    ),
    (re.compile(r"^work\.\w+_messages?\("), (MESSAGES,)),
    (re.compile(r"^work\.\w+_deliver(y|ies)\(|two workers"), ("tests/worker/test_webhooks.py",)),
    (re.compile(r"^(work|app)\.\w*(jobs?|queue\w*)\("), ("tests/worker/test_worker.py",)),
)
_numbers = itertools.count(1)
_spare: list[str] = []


class Verdict(NamedTuple):
    """killed_by: the test that failed; "" for a survivor, None if PostgreSQL refuses the mutant."""

    mutant: Mutant
    killed_by: str | None
    failure: str = ""


def judge(cluster: Cluster, mutant: Mutant, *, whole_suite: bool = True) -> Verdict:
    """whole_suite: False runs only the tests that name the broken object.

    An explained survivor gets only those tests, too.
    """
    whole_suite = whole_suite and not explanation(mutant)
    with database_for(cluster, mutant) as database:
        try:
            cluster.sql(mutant.sql, database)
        except CommandError:
            return Verdict(mutant, None)
        own, invariants, others = tests_for(mutant.subject)
        for test in [*own, *(invariants if whole_suite else ())]:
            if message := failure(cluster, database, test):
                return Verdict(mutant, str(test.relative_to(TESTS)), message)
        if not whole_suite:
            return Verdict(mutant, "")
        for pattern, tests in BEYOND_PGTAP:
            for python in tests if pattern.search(mutant.name) else ():
                if not python_passes(cluster, database, python):
                    return Verdict(mutant, python)
        for test in others:
            if message := failure(cluster, database, test):
                return Verdict(mutant, str(test.relative_to(TESTS)), message)
        return Verdict(mutant, "")


@contextmanager
def database_for(cluster: Cluster, mutant: Mutant) -> Iterator[str]:
    """A clone of the template, which is kept for the next mutant if this one can be undone."""
    if mutant.undo and _spare:
        database = _spare.pop()
    else:
        database = f"mutant_{next(_numbers)}"
        cluster.create_database(database, TEMPLATE)
    yield database
    if mutant.undo:
        cluster.sql(mutant.undo, database)
        _spare.append(database)
    else:
        cluster.drop_database(database)


def failure(cluster: Cluster, database: str, test: Path) -> str:
    """The first failure of a pgTAP file, empty if it passes."""
    message = _failure(cluster, database, test, seconds=60)
    if "statement timeout" in message:
        # The mutant never ends, or the machine has too much to do.
        message = _failure(cluster, database, test, seconds=600)
    return message


def _failure(cluster: Cluster, database: str, test: Path, seconds: int) -> str:
    environment = cluster.environment(database)
    environment |= {"PGOPTIONS": f"-c statement_timeout={seconds}s"}
    with subprocess.Popen(
        ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", str(test)),
        env=environment,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as psql:
        assert psql.stdout
        planned, passed, error = None, 0, ""
        for line in psql.stdout:
            planned = planned or re.match(r"1\.\.(\d+)", line)
            passed += line.startswith("ok ")
            error = error or (line.strip() if "ERROR" in line else "")
            if line.startswith("not ok"):
                psql.terminate()
                return line.strip()
    if psql.returncode != 0 or not planned or passed != int(planned[1]):
        return error or "stopped early"
    return ""


def python_passes(cluster: Cluster, database: str, test: str) -> bool:
    """test: a file, or a test of it as pytest names it, with all of its parameters."""
    result = subprocess.run(
        (sys.executable, "-m", "pytest", "-qx", test),
        cwd=CHECKOUT,
        env={**os.environ, CLUSTER_VARIABLE: str(cluster.base), TEMPLATE_VARIABLE: database},
        capture_output=True,
    )
    return result.returncode == 0


def tests_for(subject: str) -> tuple[list[Path], list[Path], list[Path]]:
    """The tests of the subject, the other invariants of the whole schema, and all others.

    First the subject's own test, or that of its change, then those that name it, and last the
    invariants among these: they notice much, but each rule should have its own test.
    """
    files, texts = test_files()
    own = [path for path in files if path.stem == subject]
    own += [path for path in files if path.relative_to(TESTS) == _changes().get(subject)]
    about = [path for path in files if re.search(rf"\b{subject}\b", texts[path])]
    about.sort(key=lambda path: "invariants" in path.parts)
    own = list(dict.fromkeys([*own, *about]))
    others = [path for path in files if path not in own]
    invariants = [path for path in others if "invariants" in path.parts]
    return own, invariants, [path for path in others if path not in invariants]


def domain_of(subject: str) -> str:
    """The folder of db/deploy with the change that creates a function or table; "" for others.

    Of two objects with one name, such as app.audit_seals and work.audit_seals, the one of its own
    change counts.
    """
    return _changes().get(subject, Path()).parent.name


@cache
def _changes() -> dict[str, Path]:
    files = sorted(DEPLOY.rglob("*.sql"))
    created = [(name, file) for file in files for name in CREATES.findall(file.read_text())]
    created.sort(key=lambda pair: pair[0] == pair[1].stem)
    return {name: file.relative_to(DEPLOY) for name, file in created}


@cache
def test_files() -> tuple[list[Path], dict[Path, str]]:
    files = sorted(TESTS.rglob("*.sql"))
    return files, {path: path.read_text() for path in files}
