"""64 clients at a sold-out slot, and log-ins beside bookings. DURATION=15 ROUNDS=3

DURATION is the seconds of each part; bookings alone and beside log-ins are repeated in turns.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from drills import report
from drills.hot_paths import SETTINGS
from drills.load_tools import k6
from drills.stage import durable_cluster
from drills.storm import drill, findings
from drills.storm.drill import Plan
from scripts.cluster import THROWAWAY
from scripts.system import CommandError, command_line, say

DATABASE = "telemed_storm"
MOST_BOOKINGS = 3_000  # a second, in the three parts of a round together


def main() -> None:
    plan = Plan(
        seconds=float(os.environ.get("DURATION") or 15),
        rounds=int(os.environ.get("ROUNDS") or 3),
    )
    plan.slots = int(plan.rounds * plan.seconds * MOST_BOOKINGS / plan.doctors) + 2
    k6()
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        durable_cluster(settings=SETTINGS) as cluster,
    ):
        say(f"storm: {4 + 3 * plan.rounds} parts of {plan.seconds:.0f} seconds")
        result = drill.run(cluster, DATABASE, Path(folder), plan)
    faults, excesses = list(findings.faults(result)), list(findings.excesses(result))
    report.write("storm", findings.text(result, [*faults, *excesses]))
    for failure in (*faults, *excesses):
        say(f"storm: {failure}")
    if faults:
        raise CommandError("NOT SOUND")
    if excesses:
        raise CommandError("sound, but not within its bounds")
    say("storm: sound")


if __name__ == "__main__":
    command_line("storm", main)
