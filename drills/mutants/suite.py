"""Runs the tests against a broken clone of the deployed database until one of them fails."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from drills.mutants.catalog import Mutant
from drills.mutants.survivors import explanation
from scripts.cluster import CLUSTER_VARIABLE, TEMPLATE_VARIABLE
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError

TESTS = CHECKOUT / "db/tests"
TEMPLATE = "telemed_mutants"
# pgTAP has one session, does not see notices and runs no worker. A pattern for the names of
# mutants, and the Python tests that run when pgTAP passes.
BEYOND_PGTAP = (
    (
        re.compile(r"no lock|no for |`perform from |for no key up|for share|_advisory_xact_lock"),
        ("tests/concurrency/test_interleavings.py", "tests/concurrency/test_races.py"),
    ),
    (re.compile(r"a replay is not marked"), ("tests/http/test_idempotency.py",)),
    (
        re.compile(r"app\.next_events\(|api\.create_my_calendar\("),
        ("tests/concurrency/test_interleavings.py",),
    ),
    (
        re.compile(r"deactivated_doctors_offer_no_slots"),
        ("tests/concurrency/test_interleavings.py",),
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
    (
        re.compile(r"^work\.\w+_messages?\(|while its message is handed over"),
        ("tests/worker/test_messages.py",),
    ),
    (re.compile(r"^work\.\w+_deliver(y|ies)\(|two workers"), ("tests/worker/test_webhooks.py",)),
    (re.compile(r"^(work|app)\.\w*(jobs?|queue\w*)\("), ("tests/worker/test_worker.py",)),
)
_numbers = itertools.count(1)


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
    database = f"mutant_{next(_numbers)}"
    cluster.create_database(database, TEMPLATE)
    try:
        try:
            cluster.sql(mutant.sql, database)
        except CommandError:
            return Verdict(mutant, None)
        for test in tests_for(mutant.subject, whole_suite):
            if message := failure(cluster, database, test):
                return Verdict(mutant, str(test.relative_to(TESTS)), message)
        for pattern, tests in BEYOND_PGTAP:
            for python in tests if whole_suite and pattern.search(mutant.name) else ():
                if not python_passes(cluster, database, python):
                    return Verdict(mutant, python)
        return Verdict(mutant, "")
    finally:
        cluster.drop_database(database)


def failure(cluster: Cluster, database: str, test: Path) -> str:
    """The first failure of a pgTAP file, empty if it passes."""
    try:
        result = subprocess.run(
            ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", str(test)),
            env=cluster.environment(database) | {"PGOPTIONS": "-c statement_timeout=60s"},
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )
    except subprocess.TimeoutExpired:
        return "timed out"
    planned = re.search(r"^1\.\.(\d+)", result.stdout, re.M)
    passed = re.findall(r"^ok \d+", result.stdout, re.M)
    for line in result.stdout.splitlines():
        if line.startswith("not ok"):
            return line
    if result.returncode != 0 or not planned or len(passed) != int(planned.group(1)):
        return next(
            (line for line in result.stderr.splitlines() if "ERROR" in line), "stopped early"
        )
    return ""


def python_passes(cluster: Cluster, database: str, test: str) -> bool:
    result = subprocess.run(
        (sys.executable, "-m", "pytest", "-qx", test),
        cwd=CHECKOUT,
        env={**os.environ, CLUSTER_VARIABLE: str(cluster.base), TEMPLATE_VARIABLE: database},
        capture_output=True,
    )
    return result.returncode == 0


def tests_for(subject: str, whole_suite: bool) -> Iterator[Path]:
    """The subject's own test first, then the tests that name it, then all others.

    Among the tests that name it, the invariants of the whole schema come last: they notice much,
    but each rule should have its own test. Among the others they come first: they are fast.
    """
    files, texts = test_files()
    own = [path for path in files if path.stem == subject]
    about = [path for path in files if re.search(rf"\b{subject}\b", texts[path])]
    about.sort(key=lambda path: "invariants" in path.parts)
    yield from unique([*own, *about, *(files if whole_suite else ())])


def unique(paths: Iterable[Path]) -> list[Path]:
    return list(dict.fromkeys(paths))


@cache
def test_files() -> tuple[list[Path], dict[Path, str]]:
    files = sorted(TESTS.rglob("*.sql"), key=lambda path: ("invariants" not in path.parts, path))
    return files, {path: path.read_text() for path in files}
