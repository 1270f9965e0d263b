"""Partition the consultations under load. ROWS=1000000 CLIENTS=8 SECONDS=15 LEAD=60 SEED=

SECONDS is the time between two steps, LEAD how many seconds ahead the bound of the partitions is.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from drills import report
from drills.hot_paths import SETTINGS, Stock, hot_paths
from drills.partitions.drill import TESTS_OF_NAMES, drill, failing_tests, lines
from drills.past import make_past
from drills.stage import DATABASE, durable_cluster
from scripts.cluster import THROWAWAY
from scripts.server import Cluster
from scripts.system import CommandError, command_line

PAST = "telemed_past"
INTRODUCTION = """\
The steps of [partitioning](../partitioning.md) on a copy of a database, while clients book through
HTTP. `make drill NAME=partitions` repeats it."""


def main() -> None:
    rows = int(os.environ.get("ROWS") or 1_000_000)
    clients = int(os.environ.get("CLIENTS") or 8)
    seconds = float(os.environ.get("SECONDS") or 15)
    lead = float(os.environ.get("LEAD") or 60)
    seed = report.seed()
    log = report.Log("partitions")
    log.say(f"SEED={seed}, {clients} clients, {rows:,} consultations")
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        durable_cluster(settings=SETTINGS) as cluster,
    ):
        version = cluster.version
        make_past(cluster, PAST, rows, future_slots=400)
        log.say("one table, two clients through SQL, no other load:")
        log_hot_paths(log, cluster, PAST, seconds)
        result = drill(
            cluster, Path(folder), PAST, clients=clients, seconds=seconds, lead=lead, seed=seed
        )
        for line in lines(result):
            log.say(line)
        log.say("partitioned, two clients through SQL, no other load:")
        log_hot_paths(log, cluster, DATABASE, seconds)
        files, failing = failing_tests(cluster, "telemed_partitioned")
        log.say(
            f"{files - len(failing)} of {files} files of the pgTAP suite pass on"
            " the partitioned schema, the others name constraints or list tables"
        )
    if not files:
        raise CommandError("The pgTAP suite did not run")
    if unexpected := failing - TESTS_OF_NAMES:
        raise CommandError(f"{', '.join(sorted(unexpected))} FAILED")
    if not result.sound:
        raise CommandError("NOT SOUND")
    log.say("no request failed, no row is lost, no slot was booked twice")
    log.write("Partitions", INTRODUCTION, version)


def log_hot_paths(log: report.Log, cluster: Cluster, database: str, seconds: float) -> None:
    stock = Stock.of(cluster, database)
    for path, figures in hot_paths(cluster, database, stock, seconds).items():
        log.say(f"  {path}: {figures}")


if __name__ == "__main__":
    command_line("partitions", main)
