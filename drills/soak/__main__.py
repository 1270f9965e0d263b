"""An hour of bookings and reads at a hundred times the asked load. DURATION=3600 BOOKINGS=116 ROWS=

DURATION is in seconds, BOOKINGS a second, with ten reads for each; ROWS are past consultations.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from drills import report
from drills.hot_paths import SETTINGS
from drills.soak import drill, findings
from drills.soak.drill import Plan
from drills.stage import durable_cluster
from scripts.cluster import THROWAWAY
from scripts.system import CommandError, command_line, say

DATABASE = "telemed_soak"


def main() -> None:
    plan = Plan(
        bookings=int(os.environ.get("BOOKINGS") or 116),
        seconds=float(os.environ.get("DURATION") or 3600),
        past=int(os.environ.get("ROWS") or 200_000),
    )
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        durable_cluster(settings=SETTINGS) as cluster,
    ):
        say(f"soak: {plan.requests:,} requests in {plan.seconds:,.0f} seconds")
        result = drill.run(cluster, DATABASE, Path(folder), plan)
    faults, excesses = list(findings.faults(result)), list(findings.excesses(result))
    report.write("soak", findings.text(result, [*faults, *excesses]))
    for failure in (*faults, *excesses):
        say(f"soak: {failure}")
    if faults:
        raise CommandError("NOT SOUND")
    if excesses:
        raise CommandError("sound, but not within its bounds")
    say("soak: sound")


if __name__ == "__main__":
    command_line("soak", main)
