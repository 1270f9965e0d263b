"""The schema of a database: its text, to compare two databases, and its verify scripts."""

from __future__ import annotations

import os
import subprocess

from scripts.server import Cluster
from scripts.system import CHECKOUT, run

# As scripts/deploy.sh calls Sqitch
OWNER = {
    "PGOPTIONS": "-c role=telemed_owner",
    "SQITCH_FULLNAME": "Tests",
    "SQITCH_EMAIL": "tests@telemedicine.invalid",
}


def schema(cluster: Cluster, database: str) -> str:
    """Everything of the schema, rights and comments too, as pg_dump writes it."""
    dump = run(
        ("pg_dump", "--schema-only", "--exclude-schema=sqitch"), cluster.environment(database)
    )
    # Newer versions of pg_dump protect the dump with a random word on these lines.
    return "\n".join(
        line for line in dump.splitlines() if not line.startswith((r"\restrict", r"\unrestrict"))
    )


def verified(
    cluster: Cluster, database: str, login: str = "postgres"
) -> subprocess.CompletedProcess[str]:
    """All verify scripts in one psql: `sqitch verify` starts one for each.

    Each is a transaction of its own, which its first error ends.
    """
    scripts = sorted(str(p.relative_to(CHECKOUT)) for p in (CHECKOUT / "db/verify").rglob("*.sql"))
    return subprocess.run(
        ("psql", "-Xq", "-o", os.devnull, *(part for script in scripts for part in ("-f", script))),
        cwd=CHECKOUT,
        env=cluster.environment(database, login) | OWNER,
        capture_output=True,
        text=True,
    )
