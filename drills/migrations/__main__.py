"""Deploy and revert the newest release under load. CLIENTS=50 SECONDS=15 SEED=

SECONDS is the time between two steps. No request may fail.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from drills import report
from drills.migrations.drill import drill
from drills.stage import durable_cluster
from scripts.cluster import THROWAWAY
from scripts.system import CommandError, command_line

INTRODUCTION = """\
Clients work through HTTP as in the fault drill while the newest release is reverted and deployed,
twice. A reader keeps its transaction open all the time. `make drill NAME=migrations` repeats
it."""


def main() -> None:
    clients = int(os.environ.get("CLIENTS") or 50)
    seconds = float(os.environ.get("SECONDS") or 15)
    seed = report.seed()
    log = report.Log("migrations")
    log.say(f"SEED={seed}, {clients} clients, one long read transaction")
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        durable_cluster() as cluster,
    ):
        version = cluster.version
        result = drill(cluster, Path(folder), clients=clients, seconds=seconds, seed=seed)
    log.say(f"{len(result.changes)} changes: {', '.join(result.changes)}")
    for step in result.steps:
        log.say(f"{step.name}: {step.seconds:.1f} s")
    log.say(
        f"{result.operations:,} operations in {result.requests:,} requests,"
        f" {len(result.failed)} failed, the slowest took {result.slowest:.2f} s"
    )
    for failure in result.failed[:20]:
        log.say(f"{failure}")
    for rule, examples in result.violations.items():
        log.say(f"{rule}: {examples[:3]}")
    if not result.sound:
        raise CommandError("NOT SOUND")
    log.say("no request failed, and the schema is that of a fresh deployment")
    log.write("Migrations", INTRODUCTION, version)


if __name__ == "__main__":
    command_line("migrations", main)
