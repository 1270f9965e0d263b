"""The schema of a database as text, to compare two databases."""

from __future__ import annotations

from scripts.server import Cluster
from scripts.system import run


def schema(cluster: Cluster, database: str) -> str:
    """Everything of the schema, rights and comments too, as pg_dump writes it."""
    dump = run(
        ("pg_dump", "--schema-only", "--exclude-schema=sqitch"), cluster.environment(database)
    )
    # Newer versions of pg_dump protect the dump with a random word on these lines.
    return "\n".join(
        line for line in dump.splitlines() if not line.startswith((r"\restrict", r"\unrestrict"))
    )
