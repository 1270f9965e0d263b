"""The servers that are measured, each with a database cluster of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from drills.load_tools import CACHE
from scripts.system import CHECKOUT, CommandError, run, say

HERE = Path(__file__).parent
THIS, EARLIER, PEER, GRAPHQL = "this build", "earlier build", "peer", "PostGraphile"
WORKERS = 2
THREADS = 4
LISTENING = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass
class Stack:
    """A running server: its address, its processes, its database and the data of requests."""

    name: str
    url: str
    server: int  # the process whose descendants serve requests
    database: int  # the postmaster
    connection: str  # of a superuser
    consultations: str  # the table
    log: Path
    data: dict[str, Any]
    next_slot: int = 0  # of data["slots"]
    booked: int = 0  # answers 201 to new requests
    unanswered: int = 0  # bookings whose answer did not arrive before a round ended
    before: int = field(default=0)  # consultations before the first round

    def count(self) -> int:
        """The consultations of the database."""
        with psycopg.connect(self.connection) as connection:
            row = connection.execute(
                f"select count(*) from {self.consultations}".encode()
            ).fetchone()
        return int(row[0]) if row else 0


def checkout_of(commit: str) -> Path:
    """A checkout of a commit with its own .venv, in the cache."""
    folder = CACHE / commit
    if not (folder / ".complete").exists():
        found = subprocess.run(("git", "archive", commit), cwd=CHECKOUT, capture_output=True)
        if found.returncode:
            raise CommandError(f"git has no commit {commit}: fetch the whole history")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(("tar", "-x", "-C", str(folder)), input=found.stdout, check=True)
        say(f"bench: {commit[:12]}: make setup")
        run(("sh", str(folder / "scripts" / "setup.sh")), os.environ)
        (folder / ".complete").touch()
    return folder


class Build:
    """A build whose server starts: `ready` waits for it."""

    def __init__(
        self,
        name: str,
        checkout: Path,
        folder: Path,
        size: tuple[int, int],  # past consultations; open slots of a doctor
        stack: contextlib.ExitStack,
    ) -> None:
        self.name = name
        self.folder = folder
        folder.mkdir()
        python = checkout / ".venv" / "bin" / "python"
        if checkout == CHECKOUT:
            python = Path(sys.executable)
        self.log = folder / "build.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                (str(python), str(HERE / "build.py"), str(folder), *map(str, size)),
                cwd=checkout,
                env={**os.environ, "PYTHONPATH": str(checkout)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        stack.callback(self._end)

    def ready(self) -> Stack:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise CommandError(f"{self.name} did not start:\n{self.log.read_text()}")
        found = json.loads(line)
        return Stack(
            self.name,
            found["url"],
            found["server"],
            found["database"],
            found["connection"],
            "app.consultations",
            Path(found["log"]),
            json.loads((self.folder / "data.json").read_text()),
        )

    def _end(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(60)
        if self.process.stdout:
            self.process.stdout.close()
