"""`make spec`: what the system promises, in the words of the pgTAP suite.

The suite is run, because some sentences are made by the tests; what fails is marked.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from scripts.cluster import TEMPLATE, deploy, throwaway_cluster
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError, command_line, say
from scripts.test import SQL_TESTS, database_for_pgtap

RESULT = re.compile(r"^(not )?ok \d+ - (.*?)( # SKIP.*)?$")


def main() -> None:
    failed = False
    with throwaway_cluster() as cluster:
        deploy(cluster, TEMPLATE)
        database = database_for_pgtap(cluster)
        for domain in order_of_domains():
            say(f"\n# {domain}")
            for path in sorted((CHECKOUT / SQL_TESTS / domain).rglob("*.sql")):
                say(f"\n## {path.stem.replace('_', ' ')}\n")
                for kept, sentence in promises(cluster, database, path):
                    say(f"- {'' if kept else 'NOT KEPT: '}{sentence}")
                    failed = failed or not kept
    if failed:
        raise CommandError("not everything is kept: `make test ONLY=sql`")


def order_of_domains() -> list[str]:
    """As in sqitch.plan; what is true of the whole schema comes last."""
    planned = re.findall(r"^(\w+)/", (CHECKOUT / "sqitch.plan").read_text(), re.M)
    return [
        *(d for d in dict.fromkeys(planned) if (CHECKOUT / SQL_TESTS / d).is_dir()),
        "invariants",
    ]


def promises(cluster: Cluster, database: str, path: Path) -> Iterator[tuple[bool, str]]:
    result = subprocess.run(
        ("psql", "-XAtq", "-f", str(path)),
        env=cluster.environment(database),
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    for line in result.stdout.splitlines():
        if found := RESULT.match(line):
            yield not found.group(1), found.group(2)


if __name__ == "__main__":
    command_line("spec", main)
