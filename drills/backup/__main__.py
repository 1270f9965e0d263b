"""Back up under load, destroy the server, restore to a moment by pgBackRest. WRITES=3000 SEED=

WRITES are acknowledged before, during and after the backup, each. The program pgbackrest has to be
installed (apt-get install pgbackrest).
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from drills import report
from drills.backup import archives, drill
from drills.backup.drill import Result
from drills.clients import Board
from drills.stage import Stage, clinic_at_work, durable_cluster
from scripts.cluster import THROWAWAY
from scripts.system import CommandError, command_line, say

PLAIN_TEXT = b"@faults.test"  # in the address of everybody
OVERTAKING_SECONDS = 1.0
INTRODUCTION = """
Clients book, retry, cancel, reschedule, complete, pay and refund through HTTP while pgBackRest
makes a full backup and archives the WAL in an encrypted repository. Then all processes of the
database are killed and its data is deleted. The cluster is restored to a moment between the
backup and the end; drills/checker.py compares it with what the clients knew at that moment: every
acknowledged write is there, and nothing that was asked for later. ops.verify_audit and `make
verify-audit` compare the audit log with seals that were exported before the moment, and report
the missing end to whoever has seals of after it. Every request whose outcome was unknown at the
moment is then repeated under its key. At last the restored server is destroyed under load without
a warning, and restored to the end of the archive. `make drill NAME=backup` writes this file.
"""


def main() -> None:
    writes = int(os.environ.get("WRITES") or 3000)
    seed = report.seed()
    log = report.Log("backup")
    log.say(f"SEED={seed} WRITES={writes}, {drill.CLIENTS} clients")
    faults: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        durable_cluster(settings=archives.SETTINGS) as cluster,
        clinic_at_work(cluster, Path(folder), slots=500 + writes) as stage,
    ):
        archive = archives.PgBackRest(cluster)
        say("backup: clients at work, a full backup, the end, a restore to a moment")
        board = Board(stage, 6)
        result = drill.run(stage, Path(folder), archive, board, seed, writes)
        tell(log, result)
        faults += [f"{name}: {found[0]}" for name, found in result.violations.items()]
        faults += result.problems
        if not result.noticed:
            faults.append("seals of after the moment did not show that the end is missing")
        say("backup: two more full backups, the end without a warning, a restore of what there is")
        for _ in range(2):
            archive.back_up()
        if archive.full_backups() != 2:
            faults.append(f"{archive.full_backups()} full backups are kept instead of 2")
        log.say(f"retention: {archive.full_backups()} of 3 full backups are kept")
        plain = archives.has_plain_text(archive.repository, PLAIN_TEXT)
        if plain or not archives.has_plain_text(cluster.data, PLAIN_TEXT):
            faults.append("the repository is not encrypted, or the data is")
        log.say("encryption: no file of the repository has an address of a patient; the data has")
        faults += lose(stage, archive, board, log, seed, writes)
        version = cluster.version
    for fault in faults:
        log.say(f"FAULT: {fault}")
    log.write("Backup", " ".join(INTRODUCTION.split()), version)
    if faults:
        raise CommandError("NOT SOUND")


def tell(log: report.Log, result: Result) -> None:
    for step, seconds in result.seconds.items():
        log.say(f"{step}: {seconds:.1f} s")
    lost = result.ended - result.moment.before
    log.say(
        f"restored to a moment {lost:.1f} s before the end: {result.kept:,} acknowledged writes are"
        f" there, {sum(map(len, result.violations.values()))} rules of the checker are broken;"
        f" {result.undone:,} of after the moment are undone, as asked for"
    )
    log.say(
        f"{result.repeated} requests whose outcome was unknown at the moment were repeated under"
        " their keys, and none took effect twice"
    )
    log.say(f"audit log: {len(result.problems)} problems with the seals of before the moment")
    log.say(f"audit log: {len(result.noticed)} problems with those of after it, as there should be")


def lose(
    stage: Stage,
    archive: archives.PgBackRest,
    board: Board,
    log: report.Log,
    seed: str,
    writes: int,
) -> list[str]:
    """Destroy the clinic without a warning, and restore what the archive has."""
    history, ended = drill.destroy_at_work(stage, board, f"{seed}/again", writes)
    began = time.monotonic()
    archive.restore(None)
    drill.start(stage)
    seconds = time.monotonic() - began
    there = {
        id_ for (id_,) in stage.sql("select row_id from app.audit_logs where row_id is not null")
    }
    written = sorted(
        (o.outcome.returned, o.outcome.body["id"] in there)
        for o in drill.acknowledged(history)
        if o.outcome and o.kind in ("book", "pay", "refund", "publish")
    )
    lost = [returned for returned, kept in written if not kept]
    kept = [returned for returned, kept in written if kept]
    log.say(
        f"without a warning: {len(lost):,} of {len(written):,} acknowledged writes of new rows are"
        f" lost, those of the last {ended - min(lost, default=ended):.1f} s; the archive gets WAL"
        f" when 16 MB are full or after archive_timeout ({archives.SETTINGS['archive_timeout']} s);"
        f" restored after {seconds:.1f} s"
    )
    # Two answers may overtake one another on their way; the loss has to be at the end all the same.
    if lost and kept and max(kept) > min(lost) + OVERTAKING_SECONDS:
        return ["an acknowledged write is lost though a much later one is there"]
    return [
        f"invariant {name} is violated"
        for (name,) in stage.sql("select name from ops.check_invariants() where violations > 0")
    ]


if __name__ == "__main__":
    command_line("backup", main)
