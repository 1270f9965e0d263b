"""`make spec`: what the system promises, in the words of the pgTAP suite.

The suite is run, because some sentences are made by the tests; what fails is marked.
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

# What the clinic is for, then what makes it safe; what everything rests on comes last.
FIRST = ("consultations", "scheduling", "prescriptions", "payments", "identity")
LAST = ("invariants", "foundation")
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
                say(f"\n## {title(path)}\n")
                for kept, sentence in made:
                    say(f"- {'' if kept else 'NOT KEPT: '}{sentence}")
                    failed = failed or not kept
    if failed:
        raise CommandError("not everything is kept: `make test ONLY=sql`")


def order_of_domains() -> list[str]:
    """Those that a product owner asks for first; the others as in sqitch.plan."""
    planned = re.findall(r"^(\w+)/", (CHECKOUT / "sqitch.plan").read_text(), re.M)
    domains = dict.fromkeys((*FIRST, *(d for d in planned if d not in LAST), *LAST))
    return [domain for domain in domains if tests_of(domain)]


def tests_of(domain: str) -> list[Path]:
    return sorted((CHECKOUT / SQL_TESTS / domain).rglob("*.sql"))


def title(path: Path) -> str:
    return path.stem.replace("_", " ")


def contents() -> str:
    """The domains, with links, and what each of them has."""
    lines = (f"- [{d}](#{d}): {', '.join(map(title, tests_of(d)))}" for d in order_of_domains())
    return "\n".join(["# Contents", "", *lines])


def promises(cluster: Cluster, database: str, path: Path) -> list[tuple[bool, str]]:
    """The sentences of a test file, and whether each is kept."""
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
