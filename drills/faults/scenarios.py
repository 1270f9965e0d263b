"""Two faults that need their own stage: an exhausted connection pool and a full disk."""

from __future__ import annotations

import contextlib
import errno
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from drills.checker import Checker
from drills.clients import Board, Client, at_work, resolve
from drills.history import Attempt, History
from drills.stage import Stage, clinic_at_work, durable_cluster
from scripts.server import Cluster

DISK_MEGABYTES = 400
FILLER_BYTES = 1 << 20
# With little WAL kept, a small disk is filled with data.
SMALL = {"max_wal_size": "64MB", "min_wal_size": "32MB"}


@dataclass
class Outage:
    """The requests of an outage, and the rules that were broken."""

    operations: int
    answers: Counter[str]
    slowest: float  # seconds
    slowest_half: float  # of the requests that returned in the second half
    recovery: float  # seconds from the end until a write was acknowledged
    violations: dict[str, list[str]] = field(default_factory=dict)
    note: str = ""


def pool_exhaustion(
    cluster: Cluster, folder: Path, *, seed: str, seconds: float, clients: int = 64
) -> Outage:
    """Every connection of the pool waits for a database that does not answer; clients go on."""
    with clinic_at_work(cluster, folder, patients=clients) as clinic:
        clinic.ready()
        history = History()
        with at_work(_clients(clinic, history, seed, clients)):
            time.sleep(1)
            began = time.monotonic()
            with clinic.proxy.stalled():
                time.sleep(seconds)
            ended = time.monotonic()
            recovery = _recovered(clinic, history, ended)
        resolve(clinic, history)
        return _outage(Checker(clinic, history), history, began, ended, recovery)


def full_disk(folder: Path, *, seed: str, seconds: float, clients: int = 12) -> Outage | str:
    """The database's volume is full for some seconds. A text says why that could not be tried."""
    with contextlib.ExitStack() as stack:
        disk = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(disk))
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return "a volume of a fixed size could not be mounted: that takes root"
        stack.callback(subprocess.run, ("umount", "-l", str(disk)), check=True)
        disk.chmod(0o755)
        cluster = stack.enter_context(durable_cluster(disk, SMALL))
        clinic = stack.enter_context(clinic_at_work(cluster, folder))
        clinic.ready()
        history = History()
        with at_work(_clients(clinic, history, seed, clients)):
            time.sleep(1)
            began = time.monotonic()
            _fill(disk / "filler", seconds)
            ended = time.monotonic()
            stopped = not cluster.running()
            if stopped:
                cluster.start()
            recovery = _recovered(clinic, history, ended)
        resolve(clinic, history)
        outage = _outage(Checker(clinic, history), history, began, ended, recovery)
        outage.note = "the database stopped and was started again" if stopped else ""
        return outage


def _fill(filler: Path, seconds: float) -> None:
    """Fill the disk to the last byte, and free it after some seconds."""
    deadline = time.monotonic() + seconds
    with filler.open("wb", buffering=0) as file:
        size = FILLER_BYTES
        while time.monotonic() < deadline:
            try:
                file.write(b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                # Space that the database frees is filled, too.
                size = max(size // 2, 4096)
                time.sleep(0 if size > 4096 else 0.02)
    filler.unlink()


def _clients(clinic: Stage, history: History, seed: str, number: int) -> list[Client]:
    board = Board(clinic, choices=12)
    return [Client(clinic, board, history, f"{seed}/client {n}") for n in range(number)]


def _recovered(clinic: Stage, history: History, since: float) -> float:
    """Seconds until a write that was asked for after `since` was acknowledged."""
    clinic.ready()
    while True:
        returned = [a.returned for a in _writes(history) if a.ok and a.invoked > since]
        if returned:
            return min(returned) - since
        time.sleep(0.02)


def _writes(history: History) -> list[Attempt]:
    return [a for o in list(history.operations) if o.key for a in list(o.attempts)]


def _outage(
    checker: Checker, history: History, began: float, ended: float, recovery: float
) -> Outage:
    during = [a for _, a in history.attempts() if a.invoked < ended and a.returned > began]
    half = (began + ended) / 2
    return Outage(
        operations=len(history.operations),
        answers=Counter(
            f"{a.status} {a.code}".strip() if a.status else "no answer" for a in during
        ),
        slowest=max(a.returned - a.invoked for a in during),
        slowest_half=max((a.returned - a.invoked for a in during if a.returned > half), default=0),
        recovery=recovery,
        violations=checker.violations(),
    )
