"""One drill: clients at work, faults, then the check."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from drills.checker import Checker
from drills.clients import Board, Client, resolve
from drills.faults.faults import Injector
from drills.history import History
from drills.stage import Stage, clinic_at_work
from scripts.server import Cluster

QUIET_SECONDS = 0.5


@dataclass
class Plan:
    """The parameters of a drill."""

    seed: str
    seconds: float
    clients: int = 12
    pause: float = 0.9  # seconds between two faults, on average
    choices: int = 6  # open slots of each doctor that clients choose from
    slots: int = 2000  # of each doctor
    faults: dict[str, int] | None = None  # the weight of each kind; None for WEIGHTS
    app: str = ""
    patch: str = ""


@dataclass
class Result:
    """The outcome of a drill."""

    plan: Plan
    history: History
    seconds: float
    unknown: int  # operations whose outcome was unknown when the faults were over
    checker: Checker
    violations: dict[str, list[str]] = field(default_factory=dict)


def run(cluster: Cluster, folder: Path, plan: Plan) -> Result:
    """Run a drill on a fresh database of `cluster`; logs go to `folder`."""
    history = History()
    with clinic_at_work(
        cluster, folder, app=plan.app, patch=plan.patch, slots=plan.slots
    ) as clinic:
        clinic.ready()
        began = time.monotonic()
        _work(clinic, history, plan)
        seconds = time.monotonic() - began
        unknown = resolve(clinic, history)
        checker = Checker(clinic, history)
    return Result(plan, history, seconds, unknown, checker, checker.violations())


def _work(clinic: Stage, history: History, plan: Plan) -> None:
    board = Board(clinic, plan.choices)
    clients = [
        Client(clinic, board, history, f"{plan.seed}/client {n}") for n in range(plan.clients)
    ]
    injector = Injector(clinic, history, f"{plan.seed}/faults", plan.pause, plan.faults)
    faults_over, all_over = threading.Event(), threading.Event()
    with ThreadPoolExecutor(plan.clients + 1) as threads:
        faults = threads.submit(injector.work, faults_over)
        work = [threads.submit(client.work, all_over) for client in clients]
        # The first thread that raises ends the drill.
        wait([faults, *work], plan.seconds, FIRST_COMPLETED)
        # Faults end first; clients go on for a while without faults.
        faults_over.set()
        wait([faults])
        clinic.proxy.disarm()
        clinic.ready()
        history.quiet_since = time.monotonic()
        wait(work, QUIET_SECONDS, FIRST_COMPLETED)
        all_over.set()
    for future in (faults, *work):
        future.result()
