"""`make spec`: the pgTAP suite as a specification, one sentence for each assertion.

It runs the suite, because some tests build their sentences, and marks each assertion that fails.
A heading is the name of a change with its note in sqitch.plan, or the name of an invariant's file.
"""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.cluster import TEMPLATE, deploy, throwaway_cluster
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError, command_line, say
from scripts.test import SQL_TESTS, database_for_pgtap

# The domains of the clinic come first, the invariants and the foundation last.
FIRST = ("consultations", "scheduling", "prescriptions", "payments", "identity")
LAST = ("invariants", "foundation")
PLANNED = re.compile(r"^((\w+)/\w+) .* # (.*)$", re.MULTILINE)
RESULT = re.compile(r"^(not )?ok \d+ - (.*?)( # SKIP.*)?$")


def main() -> None:
    failed, jobs = False, len(os.sched_getaffinity(0))
    say(contents())
    with throwaway_cluster() as cluster, ThreadPoolExecutor(jobs) as threads:
        deploy(cluster, TEMPLATE)
        database = database_for_pgtap(cluster)
        for domain in order_of_domains():
            say(f"\n# {domain}")
            paths = tests_of(domain)
            for path, made in zip(
                paths, threads.map(lambda p: promises(cluster, database, p), paths), strict=True
            ):
                say(f"\n## {heading(path)}\n")
                for kept, sentence in made:
                    say(f"- {'' if kept else 'FAILS: '}{sentence}")
                    failed = failed or not kept
    if failed:
        raise CommandError("assertions fail: run `make test ONLY=sql`")


def order_of_domains() -> list[str]:
    """The domains of the clinic, then the others in the order of sqitch.plan."""
    planned = (domain for _, domain, _ in PLANNED.findall(plan()))
    domains = dict.fromkeys((*FIRST, *(d for d in planned if d not in LAST), *LAST))
    return [domain for domain in domains if tests_of(domain)]


def tests_of(domain: str) -> list[Path]:
    return sorted((CHECKOUT / SQL_TESTS / domain).rglob("*.sql"))


def heading(path: Path) -> str:
    """`book_consultation: book a slot`, or the file's name alone if the plan has no such change."""
    change = str(path.relative_to(CHECKOUT / SQL_TESTS).with_suffix(""))
    # The first line of a change in the plan; the others are reworks.
    notes = [note for name, _, note in PLANNED.findall(plan()) if name == change]
    return ": ".join((path.stem, *notes[:1]))


def plan() -> str:
    return (CHECKOUT / "sqitch.plan").read_text()


def contents() -> str:
    """The domains, with links, and below each one the headings of its tests."""
    lines = ["# Contents", ""]
    for domain in order_of_domains():
        lines += [f"- [{domain}](#{domain})", *(f"  - {heading(p)}" for p in tests_of(domain))]
    return "\n".join(lines)


def promises(cluster: Cluster, database: str, path: Path) -> list[tuple[bool, str]]:
    """The sentences of a test file, and whether each of them holds."""
    result = subprocess.run(
        ("psql", "-XAtq", "-f", str(path)),
        env=cluster.environment(database),
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    found = map(RESULT.match, result.stdout.splitlines())
    return [(not match[1], match[2]) for match in found if match]


if __name__ == "__main__":
    command_line("spec", main)
