"""Move a clinic to another server under load, and find what broken moves break. DURATION=15 TO=

Two clinics on one server, one fleet with PgBouncer before it; one of the clinics moves to a second
server, by `scripts.move_clinic`, while clients of both go on for DURATION seconds before and after.
TO=18 is the major version of the second server, by default that of the first one; SEED= repeats.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from drills import report
from drills.move import broken, drill
from drills.move.drill import MOVES, PHASES, STAYS, Result
from drills.stage import durable_cluster
from scripts.cluster import THROWAWAY
from scripts.server import Cluster
from scripts.system import CommandError, command_line, run, say

MOST_SECONDS = 1  # of the pause: a request waits as long for a connection of the API's pool
BROKEN_SECONDS = 2
INTRODUCTION = f"""
Two clinics, {MOVES} and {STAYS}, are databases of one server. One server of the API with two
processes serves both (`CLINICS`), through PgBouncer, and a worker sends the mails of {MOVES}.
Clients of both book, retry, cancel, reschedule, complete, pay, refund and read at random, with
idempotency keys, while `python -m scripts.move_clinic` moves {MOVES} to a second server. Then a
checker compares all answers with all rows of each clinic (`drills/checker.py`, the one of
`make drill NAME=faults`), keys from before the move are sent again, and `ops.verify_audit` gets the
seals from before it. Everything runs on one computer. `make drill NAME=move` writes this file;
[scaling.md](../scaling.md#move-a-clinic) has the steps.
"""


def main() -> None:
    seed, seconds = report.seed(), float(os.environ.get("DURATION") or 15)
    version, log = os.environ.get("TO") or "", report.Log("move")
    if version:
        run(("sh", "scripts/setup.sh"), {**os.environ, "PG": version})
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as name,
        durable_cluster(settings=drill.SETTINGS) as old,
    ):
        new = Cluster(old.base / "new", old.settings, version)
        new.start()
        try:
            log.say(f"PostgreSQL {old.version} to {new.version}, fsync on; seed {seed}")
            result = drill.run(
                *(old, new, Path(name)), seconds=seconds, seed=seed, slots=2000, mails=True
            )
            for line in lines(result):
                log.say(line)
            missed = list(break_it(log, old, new, Path(name), seed))
        finally:
            new.stop()
    log.write("Move", INTRODUCTION.strip(), old.version)
    found = [*(f"{name}: {v[0]}" for name, v in result.violations.items()), *result.faults, *missed]
    for failure in found:
        say(f"move: {failure}")
    if found:
        raise CommandError("NOT SOUND")
    if result.pauses[MOVES] > MOST_SECONDS:
        raise CommandError(f"sound, but no write succeeded for more than {MOST_SECONDS} s")
    say("move: sound")


def lines(result: Result) -> Iterator[str]:
    """What the report says of the sound move."""
    yield (
        f"{MOVES} was copied in {result.copied:.1f} s; from PAUSE to RESUME {result.paused:.2f} s;"
        f" sequences that were behind: {result.sequences}"
    )
    yield (
        f"the longest time without an acknowledged write at the switch: {MOVES}"
        f" {result.pauses[MOVES]:.2f} s, {STAYS} {result.pauses[STAYS]:.2f} s; the slowest request"
        f" of {MOVES} in all: {result.slowest:.2f} s"
    )
    for name in (MOVES, STAYS):
        figures = ", ".join(
            f"{phase} {result.p99[name, phase][0] * 1000:,.0f} ms ({result.p99[name, phase][1]:,})"
            for phase in PHASES
        )
        yield f"p99 of {name} (and requests): {figures}"
    for name in (MOVES, STAYS):
        answers = ", ".join(f"{answer}: {n:,}" for answer, n in result.answers[name].items())
        yield f"{name}: {result.operations[name]:,} operations; answers: {answers}"
    yield (
        f"violations, such as lost or doubled writes: {sum(map(len, result.violations.values()))};"
        f" failed requests, problems of the audit log, replication that is left over, and other"
        f" faults: {len(result.faults)}; keys from before the move that were sent again, and"
        f" replayed unless it is a fault: {result.replays}"
    )
    if result.faults:
        return
    yield (
        f"the worker of {MOVES} goes through PgBouncer, too: {result.mails:,} mails, of which none"
        " is lost and none was sent twice; no job failed"
    )
    yield (
        f"the old database: sessions of {', '.join(drill.STRAYS)} that stayed open are ended, new"
        " ones are refused, and it has no change from after the switch"
    )


def break_it(log: report.Log, old: Cluster, new: Cluster, folder: Path, seed: str) -> Iterator[str]:
    """Broken moves that the checker does not find."""
    for build in broken.BUILDS:
        result = drill.run(
            old, new, folder, seconds=BROKEN_SECONDS, seed=seed, slots=500, kind=build.move
        )
        found = all_found(result)
        caught = any(map(build.catches, found))
        what = (build.move.__doc__ or "").rstrip(".")
        first = next((f for f in found if build.catches(f)), "NOT FOUND")
        log.say(f"broken move: {what}. To be found: {build.expected}. Found: {first}")
        if not caught:
            yield f"the checker does not find: {what}"


def all_found(result: Result) -> list[str]:
    """Violations and faults, a line for each."""
    violations = [f"{name}: {len(v)} times" for name, v in result.violations.items()]
    return [*violations, *result.faults]


if __name__ == "__main__":
    command_line("move", main)
