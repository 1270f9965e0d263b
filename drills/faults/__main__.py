"""Kill, cut, stall and restart everything under load; compare answers with rows. DURATION=600 SEED=

Then run the drill with every broken build of drills/faults/broken.py: each must be caught.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from drills import report
from drills.faults import drill
from drills.faults.broken import BUILDS, Broken
from drills.faults.drill import Plan, Result
from drills.faults.report import Findings
from drills.faults.scenarios import full_disk, pool_exhaustion
from drills.stage import durable_cluster
from scripts.cluster import THROWAWAY
from scripts.server import Cluster
from scripts.system import CommandError, command_line, say

DRILLS = 5  # a broken build that survives so many drills counts as not caught


def main() -> None:
    seconds = float(os.environ.get("DURATION") or 600)
    seed = report.seed()
    say(f"faults: SEED={seed} DURATION={seconds:.0f}, about {seconds / 60 + 3:.0f} minutes in all")
    with tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as name:
        folder = Path(name)
        with durable_cluster() as cluster:
            version = cluster.sql("show server_version").split()[0]
            say("faults: clients at work, faults at random")
            slots = 500 + int(seconds * 25)  # completed consultations use them up
            sound = drill.run(cluster, folder, Plan(seed, seconds, slots=slots))
            say(
                f"faults: {len(sound.history.operations):,} operations,"
                f" {len(sound.history.faults):,} faults,"
                f" {sum(map(len, sound.violations.values()))} violations"
            )
            broken = [break_it(cluster, folder, build, seed) for build in BUILDS]
            say("faults: an exhausted connection pool")
            pool = pool_exhaustion(cluster, folder, seed=seed, seconds=12)
        say("faults: a full disk")
        disk = full_disk(folder, seed=seed, seconds=8)
    findings = Findings(seed, version, sound, broken, pool, disk)
    report.write("faults", findings.text())
    for failure in findings.failures:
        say(f"faults: {failure}")
    if findings.failures:
        raise CommandError("NOT SOUND")
    say("faults: sound")


def break_it(
    cluster: Cluster, folder: Path, build: Broken, seed: str, seconds: float = 4
) -> tuple[Broken, Result, int]:
    """Drill a broken build until it is caught. The last value is the number of drills.

    seconds: length of the first drill. Each drill takes twice as long as the one before, because a
    slow machine does little in a second.
    """
    for number in range(1, DRILLS + 1):
        length = seconds * 2 ** (number - 1)
        plan = Plan(
            f"{seed}/{build.name}/{number}",
            length,
            pause=build.pause,
            choices=2,
            slots=500 + int(length * 25),
            faults=build.faults,
            app=build.app,
            patch=build.patch,
        )
        result = drill.run(cluster, folder, plan)
        if build.caught_by & result.violations.keys():
            break
    caught = ", ".join(sorted(build.caught_by & result.violations.keys()))
    say(f"faults: {build.name}: {'caught by ' + caught if caught else 'NOT CAUGHT'}")
    return build, result, number


if __name__ == "__main__":
    command_line("faults", main)
