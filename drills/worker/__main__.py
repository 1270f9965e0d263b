"""Kills, stops and cuts off workers. DURATION=60 INSTANCES=3 SEED=0

DURATION is the seconds of the storm; INSTANCES is the number of workers. Nothing may be lost, stuck
for longer than two leases, or done twice.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from drills import report
from drills.worker import drill
from drills.worker.drill import Plan, Result
from scripts.cluster import THROWAWAY, deployed_cluster
from scripts.system import CommandError, command_line, say

DATABASE = "telemed_worker_drill"


def main() -> None:
    plan = Plan(
        seconds=float(os.environ.get("DURATION") or 60),
        instances=int(os.environ.get("INSTANCES") or 3),
        seed=int(os.environ.get("SEED") or 0),
    )
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        deployed_cluster() as cluster,
    ):
        say(f"worker: a storm of {plan.seconds:.0f} seconds over {plan.instances} workers")
        result = drill.run(cluster, DATABASE, Path(folder), plan)
    write(result)
    if result.faults:
        raise CommandError("NOT SOUND")
    say("worker: sound")


def write(result: Result) -> None:
    log = report.Log("worker")
    log.say(f"{result.orders} orders, {result.runs} runs")
    for name, count in sorted(result.counts.items()):
        log.say(f"{count} times: {name.replace('_', ' ')}")
    log.say(f"all jobs of a killed worker ran again after {result.taken_over:.1f} s")
    log.say(f"the backlog was done {result.drained:.1f} s after the storm")
    for fault in result.faults:
        log.say(f"FAULT: {fault}")


if __name__ == "__main__":
    command_line("worker", main)
