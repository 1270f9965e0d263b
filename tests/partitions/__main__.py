"""`make partition-drill`: ROWS=1000000, CLIENTS=8, SECONDS=15 between steps, LEAD=60, SEED=."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

from scripts.cluster import THROWAWAY
from scripts.server import Cluster
from scripts.system import CommandError, command_line, say
from tests.faults.clinic import DATABASE, durable_cluster
from tests.partitions.drill import TESTS_OF_NAMES, drill, failing_tests, lines
from tests.scale.hot_paths import SETTINGS, Stock, hot_paths
from tests.scale.past import make_past

PAST = "telemed_past"


def main() -> None:
    rows = int(os.environ.get("ROWS") or 1_000_000)
    clients = int(os.environ.get("CLIENTS") or 8)
    seconds = float(os.environ.get("SECONDS") or 15)
    lead = float(os.environ.get("LEAD") or 60)
    seed = os.environ.get("SEED") or str(random.SystemRandom().randrange(10**9))
    say(f"partition-drill: SEED={seed}, {clients} clients, {rows:,} consultations")
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        durable_cluster(settings=SETTINGS) as cluster,
    ):
        make_past(cluster, PAST, rows, future_slots=400)
        say("partition-drill: one table, two clients through SQL, nobody else:")
        tell_hot_paths(cluster, PAST, seconds)
        result = drill(
            cluster, Path(folder), PAST, clients=clients, seconds=seconds, lead=lead, seed=seed
        )
        for line in lines(result):
            say(f"partition-drill: {line}")
        say("partition-drill: partitioned, two clients through SQL, nobody else:")
        tell_hot_paths(cluster, DATABASE, seconds)
        files, failing = failing_tests(cluster, "telemed_partitioned")
        say(
            f"partition-drill: {files - len(failing)} of {files} files of the pgTAP suite pass on"
            " the partitioned schema, all but those that name constraints or list tables"
        )
    if not files:
        raise CommandError("The pgTAP suite did not run")
    if unexpected := failing - TESTS_OF_NAMES:
        raise CommandError(f"{', '.join(sorted(unexpected))} FAILED")
    if not result.sound:
        raise CommandError("NOT SOUND")
    say("partition-drill: no request failed, no row is lost, nothing was booked twice")


def tell_hot_paths(cluster: Cluster, database: str, seconds: float) -> None:
    stock = Stock.of(cluster, database)
    for path, figures in hot_paths(cluster, database, stock, seconds).items():
        say(f"partition-drill:   {path}: {figures}")


if __name__ == "__main__":
    command_line("partition-drill", main)
