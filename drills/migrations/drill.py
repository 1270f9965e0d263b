"""Reverts and deploys the newest release under load and beside a long read transaction.

No request may fail, and the schema must be the same afterwards as after a fresh deployment.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psycopg

from drills.checker import Checker
from drills.clients import Board, Client, resolve
from drills.history import History
from drills.stage import DATABASE, clinic_at_work
from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from scripts.system import CHECKOUT, run
from tests.support.schema import schema

OWNER = {
    "PGOPTIONS": "-c role=telemed_owner -c lock_timeout=5s",
    "SQITCH_FULLNAME": "Drill",
    "SQITCH_EMAIL": "drill@telemedicine.invalid",
}
RELEASED = "telemed_released"
READER = "select count(*), max(id::text) from app.consultations"


class Step(NamedTuple):
    name: str
    seconds: float


@dataclass
class Result:
    changes: list[str]
    requests: int = 0
    operations: int = 0
    failed: list[str] = field(default_factory=list)
    slowest: float = 0
    steps: list[Step] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    difference: bool = False

    @property
    def sound(self) -> bool:
        return not (self.failed or self.violations or self.difference)


def releases() -> list[str]:
    """Tags of sqitch.plan, the oldest first."""
    return re.findall(r"^@(\S+)", (CHECKOUT / "sqitch.plan").read_text(), re.M)


def changes_of(tag: str) -> list[str]:
    """The changes of a release: those between the tag before it and its own."""
    plan = (CHECKOUT / "sqitch.plan").read_text().partition(f"\n@{tag} ")[0]
    return re.findall(r"^(\w+/\w+)", re.split(r"^@", plan, flags=re.M)[-1], re.M)


def make_released(cluster: Cluster, tag: str) -> None:
    """Make a database with the schema of a release, without the changes that follow it."""
    cluster.create_database(RELEASED, TEMPLATE)
    sqitch(cluster, "revert", tag, RELEASED)


def drill(
    cluster: Cluster,
    folder: Path,
    *,
    clients: int,
    seconds: float,
    seed: str,
    rounds: int = 2,
    settings: Mapping[str, str] | None = None,
) -> Result:
    """seconds: how long clients work between two steps. settings: more settings of the server."""
    before, newest = releases()[-2:]
    result = Result(changes_of(newest))
    make_released(cluster, newest)
    history = History()
    over = threading.Event()
    slots = 400 + int(seconds * rounds * 100)
    with (
        clinic_at_work(
            cluster, folder, slots=slots, template=RELEASED, settings=settings
        ) as clinic,
        ThreadPoolExecutor(clients) as pool,
    ):
        clinic.ready()
        board = Board(clinic, 6)
        work = [
            pool.submit(Client(clinic, board, history, f"{seed}/client {n}").work, over)
            for n in range(clients)
        ]
        try:
            with closing(psycopg.connect(cluster.url(DATABASE))) as reader:
                # A transaction that stays open all the time and keeps its lock on the table.
                reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                reader.execute(READER)
                for _ in range(rounds):
                    for command in ("revert", "deploy"):
                        wait(work, seconds)
                        target = before if command == "revert" else newest
                        result.steps.append(sqitch(cluster, command, target))
                        reader.execute(READER)
                wait(work, seconds)
        finally:
            over.set()
        for future in work:
            future.result()
        resolve(clinic, history)
        result.violations = Checker(clinic, history).violations()
        result.difference = schema(cluster, DATABASE) != schema(cluster, RELEASED)
    for operation, attempt in history.attempts():
        result.requests += 1
        result.slowest = max(result.slowest, attempt.returned - attempt.invoked)
        if not attempt.definite and attempt.code != "TM991":
            result.failed.append(
                f"{operation.kind} {attempt.status} {attempt.code} {attempt.error}"
            )
    result.operations = len(history.operations)
    return result


def sqitch(cluster: Cluster, command: str, target: str, database: str = DATABASE) -> Step:
    began = time.monotonic()
    confirmed = ("-y",) if command == "revert" else ()
    run(
        ("sqitch", "--quiet", command, *confirmed, "--to", f"@{target}", f"db:pg:{database}"),
        cluster.environment(database) | OWNER,
    )
    return Step(f"{command} to @{target}", time.monotonic() - began)
