"""`make migrate-drill`: CLIENTS=50, SECONDS=15 between two steps, SEED=."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

from scripts.cluster import THROWAWAY
from scripts.system import CommandError, command_line, say
from tests.faults.clinic import durable_cluster
from tests.migrations.drill import drill


def main() -> None:
    clients = int(os.environ.get("CLIENTS") or 50)
    seconds = float(os.environ.get("SECONDS") or 15)
    seed = os.environ.get("SEED") or str(random.SystemRandom().randrange(10**9))
    say(f"migrate-drill: SEED={seed}, {clients} clients, a reader that stays")
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        durable_cluster() as cluster,
    ):
        result = drill(cluster, Path(folder), clients=clients, seconds=seconds, seed=seed)
    say(f"migrate-drill: {len(result.changes)} changes: {', '.join(result.changes)}")
    for step in result.steps:
        say(f"migrate-drill: {step.what}: {step.seconds:.1f} s")
    say(
        f"migrate-drill: {result.operations:,} operations in {result.requests:,} requests,"
        f" {len(result.failed)} failed, the slowest took {result.slowest:.2f} s"
    )
    for failure in result.failed[:20]:
        say(f"migrate-drill: {failure}")
    for rule, examples in result.violations.items():
        say(f"migrate-drill: {rule}: {examples[:3]}")
    if not result.sound:
        raise CommandError("NOT SOUND")
    say("migrate-drill: no request failed, and the schema is that of a fresh deployment")


if __name__ == "__main__":
    command_line("migrate-drill", main)
