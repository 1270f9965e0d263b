"""pg_upgrade: the data directory becomes one of the newer version. Clients go on asking."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drills.checker import Checker
from drills.clients import Board, Client, at_work, resolve
from drills.history import History
from drills.stage import DATABASE, Clinic
from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from scripts.system import run, server_command

CLIENTS = 6
PAUSE_SECONDS = 0.02  # of a client between two requests


@dataclass
class Upgrade:
    """What an upgrade took, and what it broke. Times in seconds."""

    seconds: dict[str, float]  # of each step
    pause: float  # the longest time without an acknowledged write
    operations: int
    answers: dict[str, int]
    violations: dict[str, list[str]]
    faults: list[str] = field(default_factory=list)


def upgrade(
    old: Cluster, version: str, folder: Path, *, seconds: float, seed: str, thorough: bool = True
) -> Upgrade:
    """Upgrade `old`, which has TEMPLATE, under load. Logs of the API go to `folder`.

    seconds: how long the clients are at work before and after. thorough: run `sqitch verify`, too.
    """
    new = Cluster(old.base, old.settings, version)
    old.create_database(DATABASE, TEMPLATE)
    history, seals, took = History(), list[Any](), dict[str, float]()
    # Both servers have the same socket, and so the same address.
    urls = old.url(DATABASE), old.url(DATABASE, "telemed_api")
    with contextlib.closing(Clinic(folder, *urls, slots=2000)) as clinic:
        clinic.ready()
        board = Board(clinic, choices=6)
        clients = [
            Client(clinic, board, history, f"{seed}/client {n}", pause=PAUSE_SECONDS)
            for n in range(CLIENTS)
        ]
        try:
            with at_work(clients):
                time.sleep(seconds)
                seals += clinic.seal()
                stopped = time.monotonic()
                pg_upgrade(old, new, took)
                started, begun = time.monotonic(), len(history.operations)
                history.first_write(begun, since=started)
                finish(new, took)
                history.quiet_since = time.monotonic()
                time.sleep(seconds)
            resolve(clinic, history)
            seals += clinic.seal()
            checker = Checker(clinic, history)
            faults = clinic.audit_problems(seals) + (problems(new) if thorough else [])
            if not clinic.sql("select version()")[0][0].startswith(f"PostgreSQL {version}"):
                faults.append("the server has another version")
        finally:
            new.stop()
    answers: dict[str, int] = {}
    for _, a in history.attempts():
        answer = f"{a.status} {a.code}".strip() if a.status else "no answer"
        answers[answer] = answers.get(answer, 0) + 1
    pause = history.longest_pause(stopped, started)
    return Upgrade(took, pause, len(history.operations), answers, checker.violations(), faults)


def pg_upgrade(old: Cluster, new: Cluster, took: dict[str, float]) -> None:
    """Stop the old server, upgrade, start the new one."""
    began = time.monotonic()
    old.stop()
    # Both must agree on checksums, which initdb of PostgreSQL 18 switches on.
    options = ("--no-data-checksums",) if int(new.version) >= 18 else ()
    new.prepare(*options)
    took["stop and initdb"] = time.monotonic() - began
    began = time.monotonic()
    server_command(
        new.binaries / "pg_upgrade",
        *("--old-bindir", str(old.binaries), "--new-bindir", str(new.binaries)),
        *("--old-datadir", str(old.data), "--new-datadir", str(new.data)),
        *("--username", "postgres", "--socketdir", str(old.socket), "--link"),
        folder=str(old.base),
    )
    took["pg_upgrade --link"] = time.monotonic() - began
    began = time.monotonic()
    new.start()
    took["start"] = time.monotonic() - began


def finish(new: Cluster, took: dict[str, float]) -> None:
    """What pg_upgrade leaves to do: newer versions of extensions, and statistics."""
    began = time.monotonic()
    script = new.base / "update_extensions.sql"
    if script.exists():
        run(
            ("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", str(script)), new.environment("postgres")
        )
    took["update_extensions.sql" if script.exists() else "no extension to update"] = (
        time.monotonic() - began
    )
    began = time.monotonic()
    run(("vacuumdb", "--all", "--analyze-only", "--quiet"), new.environment("postgres"))
    took["analyze"] = time.monotonic() - began


def problems(server: Cluster) -> list[str]:
    """Problems of the deployed changes, and advice that says danger."""
    advice = server.sql(
        "select subject || ': ' || found from ops.advise() where severity = 'danger'", DATABASE
    )
    found = [f"ops.advise: {line}" for line in advice.splitlines()]
    environment = server.environment(DATABASE) | {"PGOPTIONS": "-c role=telemed_owner"}
    status = run(("sqitch", "status", f"db:pg:{DATABASE}"), environment)
    if "up-to-date" not in status:
        found.append(f"sqitch status: {status}")
    run(("sqitch", "verify", f"db:pg:{DATABASE}"), environment)
    return found
