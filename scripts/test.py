"""`make test`: pgTAP and pytest against a throw-away cluster.

The environment chooses: ONLY=sql or ONLY=python, ARGS with more arguments for pytest.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.cluster import CLUSTER_VARIABLE, TEMPLATE, deploy, throwaway_cluster
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError, command_line, say

SQL_TESTS = Path("db/tests")


def main() -> None:
    only = os.environ.get("ONLY", "")
    if only not in ("", "sql", "python"):
        raise CommandError(f"ONLY is sql or python, not {only!r}")
    if only != "python":
        require_tests_in_every_folder()
    began = time.monotonic()
    failed = []
    with throwaway_cluster() as cluster:
        with timed(f"PostgreSQL {cluster.version} with the deployed schema"):
            deploy(cluster, TEMPLATE)
        if only != "python" and not sql_tests_pass(cluster):
            failed.append("pgTAP")
        if only != "sql" and not python_tests_pass(cluster):
            failed.append("pytest")
    seconds = time.monotonic() - began
    if failed:
        raise CommandError(f"{' and '.join(failed)} FAILED ({seconds:.0f} s)")
    say(f"test: all passed ({seconds:.0f} s)")


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    say(f"test: {what}: {time.monotonic() - began:.1f} s")


def sql_tests_pass(cluster: Cluster) -> bool:
    with timed("pgTAP"):
        result = pg_prove(cluster, database_for_pgtap(cluster))
        lines = result.stdout.splitlines()
        say("\n".join(lines[-2:] if result.returncode == 0 else lines))
    return result.returncode == 0


def database_for_pgtap(cluster: Cluster, name: str = "telemed_pgtap") -> str:
    """A clone of the deployed database with what tests need beside it; its name."""
    cluster.create_database(name, TEMPLATE)
    cluster.sql("create extension pgtap", name)
    if "plpgsql_check" in cluster.settings["shared_preload_libraries"]:
        cluster.sql("create extension plpgsql_check", name)
    return name


def pg_prove(
    cluster: Cluster,
    database: str,
    *arguments: str,
    jobs: int = 2,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the pgTAP suite, or the files among `arguments`; output as in a terminal."""
    tests = () if any(a.endswith(".sql") for a in arguments) else ("-r", str(SQL_TESTS))
    return subprocess.run(
        ("pg_prove", f"-j{jobs}", "--ext", ".sql", *arguments, *tests),
        env=cluster.environment(database) | dict(environment or {}),
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def require_tests_in_every_folder() -> None:
    """A folder that pg_prove finds nothing in would be tests that never run."""
    folders = [path for path in (CHECKOUT / SQL_TESTS).rglob("*") if path.is_dir()]
    for folder in [CHECKOUT / SQL_TESTS, *folders]:
        if not any(folder.rglob("*.sql")) and folder.name != "helpers":
            raise CommandError(f"{folder.relative_to(CHECKOUT)} contains no test (*.sql)")


def python_tests_pass(cluster: Cluster) -> bool:
    command = (sys.executable, "-m", "pytest", "-q", *shlex.split(os.environ.get("ARGS", "")))
    environment = {**os.environ, CLUSTER_VARIABLE: str(cluster.base)}
    with timed("pytest"):
        return subprocess.run(command, cwd=CHECKOUT, env=environment).returncode == 0


if __name__ == "__main__":
    command_line("test", main)
