"""`make test`: pgTAP and pytest against throw-away clusters, at the same time.

pgTAP runs on one cluster; each process of pytest has a copy of it (tests/support/fixtures.py), so
that no test disturbs another one. The environment chooses: ONLY=sql with ARGS that name tests below
db/tests, or ONLY=python with ARGS for pytest.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from scripts.cluster import (
    CLUSTER_VARIABLE,
    TEMPLATE,
    deploy,
    take_snapshot,
    throwaway_cluster,
)
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError, command_line, say

SQL_TESTS = Path("db/tests")
FAILED = re.compile(r"^(\S+\.sql)\s+\(Wstat: ", re.MULTILINE)
CHATTER = re.compile(r"^psql:([^:]+):\d+: (?:WARNING|NOTICE|INFO): ")


def main() -> None:
    only = os.environ.get("ONLY", "")
    if only not in ("", "sql", "python"):
        raise CommandError(f"ONLY is sql or python, not {only!r}")
    arguments = shlex.split(os.environ.get("ARGS", ""))
    if only != "python":
        require_tests_in_every_folder()
    if not only and any(argument.endswith(".sql") for argument in arguments):
        raise CommandError("ARGS names tests of pgTAP: add ONLY=sql")
    chosen = chosen_sql_tests(arguments) if only == "sql" else []
    began = time.monotonic()
    failed = []
    with throwaway_cluster() as cluster, contextlib.ExitStack() as stack:
        with timed(f"PostgreSQL {cluster.version} with the deployed schema"):
            deploy(cluster, TEMPLATE)
            if only != "sql":
                take_snapshot(cluster)
        if only != "python":
            cluster.start()
            database = database_for_pgtap(cluster)
            pgtap = stack.enter_context(proving(cluster, database, *chosen))
        if only != "sql" and not python_tests_pass(cluster, arguments):
            failed.append("pytest")
        if only != "python" and not sql_tests_pass(pgtap(), chosen):
            failed.append("pgTAP")
    seconds = time.monotonic() - began
    if failed:
        raise CommandError(f"{' and '.join(failed)} FAILED ({seconds:.0f} s)")
    say(f"test: all passed ({seconds:.0f} s)")


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    say(f"test: {what}: {time.monotonic() - began:.1f} s")


def chosen_sql_tests(arguments: Sequence[str]) -> list[str]:
    """The arguments of pg_prove: named files, and options; none means all files.

    A name is a file or a folder: its path, or the end of its path, with or without `.sql`.
    """
    chosen = []
    for argument in arguments:
        chosen += [argument] if argument.startswith("-") else files_named(argument)
    return list(dict.fromkeys(chosen))


def files_named(name: str) -> list[str]:
    """The tests below db/tests that have this name, or are in a folder that has it."""
    files = sorted(path.relative_to(CHECKOUT) for path in (CHECKOUT / SQL_TESTS).rglob("*.sql"))
    asked = name.removeprefix(f"{CHECKOUT}/").removeprefix("./").rstrip("/").removesuffix(".sql")

    def fits(path: Path) -> bool:
        return f"/{path}".endswith(f"/{asked}") if asked else False

    found = [
        str(path)
        for path in files
        if fits(path.with_suffix(""))
        or (not name.endswith(".sql") and any(fits(folder) for folder in path.parents))
    ]
    if not found:
        known = {path.stem: path for path in files}
        near = [str(known[stem]) for stem in difflib.get_close_matches(Path(asked).name, known)]
        hint = f"; similar: {', '.join(near)}" if near else ""
        raise CommandError(f"no test below {SQL_TESTS} is called {name!r}{hint}")
    return found


def sql_tests_pass(result: subprocess.CompletedProcess[str], chosen: Sequence[str]) -> bool:
    if any(argument.startswith("-") for argument in chosen):
        say(result.stdout)
    elif result.returncode == 0:
        say(f"test: pgTAP: {result.stdout.splitlines()[-2].partition(' wallclock')[0]} s")
    else:
        say(complaints(result.stdout))
    return result.returncode == 0


def complaints(output: str) -> str:
    """The output of pg_prove about the files that fail.

    Passing files print many warnings, most of them the refusals that they test.
    """
    failed = set(FAILED.findall(output))
    kept, silent = [], False
    for line in output.splitlines():
        if said := CHATTER.match(line):
            silent = said[1] not in failed
        elif not re.match("(DETAIL|HINT|CONTEXT): ", line):
            silent = bool(re.search(r"\.sql \.+ ok$", line))
        if not silent:
            kept.append(line)
    return "\n".join(kept)


def database_for_pgtap(cluster: Cluster, name: str = "telemed_pgtap") -> str:
    """A clone of the deployed database with what tests need beside it; its name."""
    cluster.create_database(name, TEMPLATE)
    cluster.sql("create extension pgtap", name)
    if "plpgsql_check" in cluster.settings["shared_preload_libraries"]:
        cluster.sql("create extension plpgsql_check", name)
    return name


@contextlib.contextmanager
def proving(
    cluster: Cluster,
    database: str,
    *arguments: str,
    jobs: int = 2,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Callable[[], subprocess.CompletedProcess[str]]]:
    """pg_prove at work on the pgTAP suite, or on the files among `arguments`.

    The function that it yields waits for the end and returns the output.
    """
    tests = () if any(a.endswith(".sql") for a in arguments) else ("-r", str(SQL_TESTS))
    command = ("pg_prove", f"-j{jobs}", "--ext", ".sql", *arguments, *tests)
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            env=cluster.environment(database) | dict(environment or {}),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

        def result() -> subprocess.CompletedProcess[str]:
            code = process.wait()
            output.seek(0)
            return subprocess.CompletedProcess(command, code, output.read())

        try:
            yield result
        finally:
            process.terminate()
            process.wait()


def pg_prove(
    cluster: Cluster,
    database: str,
    *arguments: str,
    jobs: int = 2,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the pgTAP suite, or the files among `arguments`."""
    with proving(cluster, database, *arguments, jobs=jobs, environment=environment) as result:
        return result()


def require_tests_in_every_folder() -> None:
    """Refuse a folder in which pg_prove finds nothing: its tests would never run."""
    folders = [path for path in (CHECKOUT / SQL_TESTS).rglob("*") if path.is_dir()]
    for folder in [CHECKOUT / SQL_TESTS, *folders]:
        if not any(folder.rglob("*.sql")) and folder.name != "helpers":
            raise CommandError(f"{folder.relative_to(CHECKOUT)} contains no test (*.sql)")


def python_tests_pass(cluster: Cluster, arguments: Sequence[str]) -> bool:
    """Several processes, each with one module of tests after the other; ARGS=-n0 for one.

    Two for each CPU, because many tests wait: for a lease, a limit, a second.
    """
    processes = str(2 * len(os.sched_getaffinity(0)))
    shares = ("-n", processes, "--dist", "loadscope", "--no-loadscope-reorder")
    command = (sys.executable, "-m", "pytest", "-q", *shares, *arguments)
    environment = {**os.environ, CLUSTER_VARIABLE: str(cluster.base)}
    with timed("pytest"):
        return subprocess.run(command, cwd=CHECKOUT, env=environment).returncode == 0


if __name__ == "__main__":
    command_line("test", main)
