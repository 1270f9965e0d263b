"""Kills, stops and cuts off workers, and fails what they talk to. DURATION=60 INSTANCES=3 SEED=0

1. Orders, jobs that only count, under a storm of DURATION seconds over INSTANCES workers.
2. Consultations under another storm: an SMTP server and a receiver of webhooks refuse, stall and
   drop connections, too.
3. Reminders beside the hours at which clocks change.

Nothing may be lost, stuck for longer than two leases, or done twice; a mail or a webhook that
arrives twice has to be recognisable.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

from api import logs
from drills import report
from drills.worker import clock_changes, consultations, orders
from scripts.cluster import THROWAWAY, deployed_cluster
from scripts.system import CommandError, command_line, say

DATABASE = "telemed_worker_drill"
INTRODUCTION = """
Workers are killed (SIGKILL) and come back under the same name, are stopped for longer than their
lease, lose their connections, and are stopped cleanly, at random. `orders`: jobs whose effects are
counted. `consultations`: bookings, reschedules and cancellations, whose mails and webhooks meet an
SMTP server that refuses with 451 and 452, stalls, hangs up, or accepts and loses its answer, and a
receiver of webhooks that answers 500 and 503, answers slowly, or loses its answer; waits of hours
pass in seconds. Mails count when the server has accepted them, webhooks whenever a request came.
After the storm a few changes in calm weather have to arrive once. `clock changes`: reminders
beside the hours at which clocks change. `make drill NAME=worker` writes this file.
"""


def main() -> None:
    seconds = float(os.environ.get("DURATION") or 60)
    instances = int(os.environ.get("INSTANCES") or 3)
    seed = int(os.environ.get("SEED") or 0)
    log = report.Log("worker")
    logs.configure("WARNING")  # this process sends the reminders itself
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        deployed_cluster() as cluster,
    ):
        say(f"worker: two storms of {seconds:.0f} seconds over {instances} workers")
        of_orders = orders.run(
            cluster, DATABASE, Path(folder), orders.Plan(seconds, instances, seed=seed)
        )
        of_consultations = consultations.run(
            cluster, DATABASE, Path(folder), consultations.Plan(seconds, instances, seed=seed)
        )
        of_clocks = clock_changes.run(cluster, DATABASE)
        version = cluster.version
    log.say(
        f"orders: {of_orders.orders} orders, {of_orders.runs} runs; {befallen(of_orders.counts)}"
    )
    log.say(f"orders: all jobs of a killed worker ran again after {of_orders.taken_over:.1f} s")
    log.say(f"orders: the backlog was done {of_orders.drained:.1f} s after the storm")
    one = of_consultations
    log.say(
        f"consultations: {one.changes} changes of {one.consultations} consultations;"
        f" {befallen(one.counts)}"
    )
    log.say(
        f"consultations: {one.mails} mails, {one.mails_again} of them again under the same"
        f" Message-ID; {one.deliveries} webhooks, {one.deliveries_again} of them again under the"
        f" same webhook-id; {one.failed_attempts} attempts failed"
    )
    log.say(f"consultations: the backlog was done {one.drained:.1f} s after the storm")
    log.say(f"clock changes: {of_clocks.reminders} reminders were sent")
    faults = [*of_orders.faults, *one.faults, *of_clocks.faults]
    for fault in faults:
        log.say(f"FAULT: {fault}")
    if not faults:
        log.say(
            "sound: nothing lost or stuck, no effect twice, repeats under the same id only, and"
            " each reminder once and at its instant"
        )
    log.write("Worker", " ".join(INTRODUCTION.split()), version)
    if faults:
        raise CommandError("NOT SOUND")


def befallen(counts: Counter[str]) -> str:
    """What befell the workers, in words."""
    return ", ".join(f"{n} x {name.replace('_', ' ')}" for name, n in sorted(counts.items()))


if __name__ == "__main__":
    command_line("worker", main)
