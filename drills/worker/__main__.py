"""Kills, stops and cuts off workers, and fails what they talk to. DURATION=60 INSTANCES=3 SEED=0

1. Orders, jobs that only count, under a storm of DURATION seconds over INSTANCES workers.
2. Consultations under another storm: an SMTP server and a receiver of webhooks refuse, stall and
   drop connections, too.
3. Reminders and calendar files beside the hours at which clocks change.

Nothing may be lost, stuck for longer than two leases, or done twice. A mail or a webhook may arrive
twice only after an attempt without a known outcome, and has to be recognisable.
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
counted. `consultations`: bookings, reschedules and cancellations, whose mails and webhooks meet two
servers that fail; each kind of failure lasts for a second or two, one after the other. The SMTP
server refuses connections, refuses with 451 and 452, stalls for longer than the worker waits, hangs
up, or accepts and loses its answer. The receiver of webhooks refuses connections, answers 500 and
503, stalls for longer than the worker waits, or loses its answer. Waits of hours pass in seconds.
A mail counts when the server has accepted it, a webhook when the receiver has not refused it. A
repeat is accepted only if an attempt before it ended without a known outcome: the worker was
lost, its connection was lost, or no answer came in time. After the storm a few changes in calm
weather have to arrive once. `clock changes`: reminders and calendar files beside the hours at which
clocks change. `make drill NAME=worker` writes this file.
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
            cluster,
            DATABASE,
            Path(folder),
            consultations.Plan(seconds, 3 * seconds, instances, seed=seed),
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
        f" same webhook-id"
    )
    log.say(
        "consultations: attempts failed: "
        + ", ".join(f"{number} x {met}" for met, number in sorted(one.failures.items()))
    )
    log.say(f"consultations: the backlog was done {one.drained:.1f} s after the storm")
    log.say(
        f"clock changes: {of_clocks.reminders} reminders were sent;"
        f" {of_clocks.calendars} calendar files were read"
    )
    faults = [*of_orders.faults, *one.faults, *of_clocks.faults]
    faults += (f"no attempt met `{met}`" for met in consultations.MET if not one.failures[met])
    for fault in faults:
        log.say(f"FAULT: {fault}")
    if not faults:
        log.say(
            "sound: nothing lost or stuck, no effect twice, repeats under the same id and after an"
            " unknown outcome only, each reminder once and at its instant, and the calendar files"
            " with the instants of start and end"
        )
    log.write("Worker", " ".join(INTRODUCTION.split()), version)
    if faults:
        raise CommandError("NOT SOUND")


def befallen(counts: Counter[str]) -> str:
    """What befell the workers, in words."""
    return ", ".join(f"{n} x {name.replace('_', ' ')}" for name, n in sorted(counts.items()))


if __name__ == "__main__":
    command_line("worker", main)
