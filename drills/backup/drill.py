"""Clients at work, a backup, the end of the cluster, a restore to a moment, and the check."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from psycopg.types.json import Jsonb

from drills.checker import MAIN_TABLE, Checker
from drills.clients import Board, Client, resolve
from drills.history import KILL_WORKER, Attempt, Fault, History, Operation
from drills.stage import DATABASE, Stage, kill
from scripts.system import CHECKOUT

CLIENTS = 8
# Of an operation whose answer the restore has taken away; it holds after its key was repeated.
LATER = "every_unknown_outcome_becomes_known"


class Archive(Protocol):
    def back_up(self) -> None: ...
    def restore(self, moment: datetime) -> None: ...


@dataclass(frozen=True)
class Moment:
    """A time by the clock of the computer, and the monotonic times right before and after it."""

    before: float
    at: datetime
    after: float

    @classmethod
    def now(cls) -> Moment:
        return cls(time.monotonic(), datetime.now(UTC), time.monotonic())


@dataclass
class Seals:
    """Exported seals: a file for the verifier in Python, rows for ops.verify_audit."""

    file: Path
    rows: Any
    number: int


@dataclass
class Result:
    moment: Moment
    history: History  # up to the moment
    whole: History
    ended: float  # when the cluster was destroyed
    seconds: dict[str, float]  # of each step
    violations: dict[str, list[str]]
    repeated: int  # operations whose outcome was unknown at the moment
    problems: list[str]  # of the audit log
    noticed: list[str]  # the same, with seals of after the moment

    @property
    def kept(self) -> int:
        return len(acknowledged(self.history))

    @property
    def undone(self) -> int:
        """Acknowledged writes of after the moment, which the restore undoes."""
        return len(acknowledged(self.whole)) - self.kept


def run(
    stage: Stage,
    folder: Path,
    archive: Archive,
    board: Board,
    seed: str,
    writes: int,
    clients: int = CLIENTS,
) -> Result:
    """Destroy the clinic and restore it to a moment.

    writes: acknowledged ones before, during and after the backup and after the moment, each.
    """
    history, seconds = History(), dict[str, float]()
    stage.ready()
    with at_work(stage, history, board, seed, clients) as working:
        working(writes)
        began = time.monotonic()
        archive.back_up()
        seconds["backup"] = time.monotonic() - began
        working(writes)
        sealed = export_seals(stage, folder / "before.jsonl")
        moment = Moment.now()
        working(writes)
        sealed_later = export_seals(stage, folder / "after.jsonl")
        archive_wal(stage)
        working(1)
        ended = destroy(stage)
    began = time.monotonic()
    archive.restore(moment.at)
    seconds["restore"] = time.monotonic() - began
    began = time.monotonic()
    start(stage)
    seconds["recovery"] = time.monotonic() - began
    restored = until(history, moment)
    violations = violations_of(stage, restored, besides={LATER})
    problems, noticed = verify(stage, sealed), verify(stage, sealed_later)
    stage.ready()
    repeated = resolve(stage, restored)
    violations |= violations_of(stage, restored)
    return Result(
        moment, restored, history, ended, seconds, violations, repeated, problems, noticed
    )


def destroy_at_work(stage: Stage, board: Board, seed: str, writes: int) -> tuple[History, float]:
    """Clients at work and the end of their database. Returns the time of the end, too."""
    history = History()
    stage.ready()
    with at_work(stage, history, board, seed) as working:
        working(writes)
        ended = destroy(stage)
    return history, ended


def destroy(stage: Stage) -> float:
    """Kill the processes of the database and delete its data. Returns the time."""
    ended = time.monotonic()
    kill(stage.cluster)
    shutil.rmtree(stage.cluster.data)
    return ended


@contextlib.contextmanager
def at_work(
    stage: Stage, history: History, board: Board, seed: str, clients: int = CLIENTS
) -> Iterator[Callable[[int], None]]:
    """Clients at work. Yields a function that waits until so many more writes are acknowledged."""
    over = threading.Event()

    def wait_for(writes: int) -> None:
        wanted = len(acknowledged(history)) + writes
        while len(acknowledged(history)) < wanted:
            if ended := [future for future in work if future.done()]:
                ended[0].result()
                raise AssertionError("a client has ended")
            time.sleep(0.05)

    with ThreadPoolExecutor(clients) as threads:
        work = [
            threads.submit(Client(stage, board, history, f"{seed}/client {n}").work, over)
            for n in range(clients)
        ]
        try:
            yield wait_for
        finally:
            over.set()
        for future in work:
            future.result()


def acknowledged(history: History) -> list[Operation]:
    """The writes that were answered with success."""
    return [o for o in [*history.operations] if o.kind in MAIN_TABLE and o.outcome and o.outcome.ok]


def until(history: History, moment: Moment) -> History:
    """What the clients knew at a moment.

    A request that began later was not sent; an answer that came later did not arrive, and the
    outcome is unknown.
    """
    known = History()
    for operation in history.operations:
        attempts = [
            a if a.returned <= moment.before else Attempt(a.request_id, a.connected_at, a.invoked)
            for a in operation.attempts
            if a.invoked <= moment.after
        ]
        if attempts:
            known.operations.append(dataclasses.replace(operation, attempts=attempts))
    # The rule about requests without an answer asks for a reason.
    known.faults.append(Fault(KILL_WORKER, moment.before))
    return known


def violations_of(
    stage: Stage, history: History, besides: Collection[str] = ()
) -> dict[str, list[str]]:
    """The broken rules of drills/checker.py."""
    found = Checker(stage, history).violations()
    return {name: examples for name, examples in found.items() if name not in besides}


def export_seals(stage: Stage, file: Path) -> Seals:
    """Seal the audit log, and export all seals."""
    stage.sql("select ops.seal_audit(p_wait => '1 minute')")
    ((rows, number),) = stage.sql(
        "select jsonb_agg(to_jsonb(s)), count(*) from ops.audit_seals as s"
    )
    assert not verify_outside(stage, file, "--export")
    return Seals(file, rows, number)


def verify(stage: Stage, seals: Seals) -> list[str]:
    """The problems that the database and the verifier in Python find."""
    inside = stage.sql(
        "select problem, seal_id from ops.verify_audit(%(seals)s)", seals=Jsonb(seals.rows)
    )
    return [f"{problem}: seal {seal}" for problem, seal in inside] + verify_outside(
        stage, seals.file
    )


def verify_outside(stage: Stage, file: Path, *options: str) -> list[str]:
    result = subprocess.run(
        (
            *(sys.executable, "-m", "scripts.verify_audit", "--seals", str(file), *options),
            *("--database", stage.cluster.url(DATABASE)),
        ),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert result.stderr == "", result.stderr
    return result.stdout.splitlines()[:-1]


def archive_wal(stage: Stage) -> None:
    """Wait until the WAL of all that is committed is in the archive."""
    ((segment,),) = stage.sql("select pg_walfile_name(pg_current_wal_lsn())")
    stage.sql("select pg_switch_wal()")
    archived = "select coalesce(last_archived_wal >= %(segment)s, false) from pg_stat_archiver"
    while stage.sql(archived, segment=segment) != [(True,)]:
        time.sleep(0.05)


def start(stage: Stage) -> None:
    """Start the restored cluster, and wait until it accepts writes."""
    stage.cluster.start()
    while stage.sql("select pg_is_in_recovery()") != [(False,)]:
        time.sleep(0.02)
