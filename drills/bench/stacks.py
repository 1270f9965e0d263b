"""The servers that are measured, each with a database cluster of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from drills.hot_paths import SETTINGS
from drills.stage import SETTINGS as DURABLE
from scripts.cluster import throwaway_cluster
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError, run, say
from tests.support.server import wait_for

CACHE = CHECKOUT / ".local" / "bench"
HERE = Path(__file__).parent
PEER = HERE / "peers" / "fastapi_sqlalchemy"
PEER_DATABASE = "clinic"
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


# The peer

# Its tables, and the same rows in ours.
COPIED = {
    "doctors (id, full_name, fee_minor, currency)": (
        "select user_id, full_name, fee_minor, currency from app.doctors"
    ),
    "patients (id, full_name)": (
        "select user_id, full_name from app.profiles"
        " where user_id in (select id from app.users where role = 'patient')"
    ),
    "slots (id, doctor_id, starts_at, ends_at, status)": (
        "select id, doctor_id, starts_at, ends_at, status from app.availability_slots"
    ),
    "consultations (id, slot_id, doctor_id, patient_id, starts_at, ends_at, status, reason, notes,"
    " cancellation_reason, fee_minor, currency, created_at, updated_at)": (
        "select id, slot_id, doctor_id, patient_id, starts_at, ends_at, status, reason, notes,"
        " cancellation_reason, fee_minor, currency, created_at, updated_at from app.consultations"
    ),
}


def environment_of_peer(requirements: Path) -> Path:
    """The Python of a virtual environment with these packages, in the cache."""
    folder = CACHE / requirements.parent.name
    stamp = folder / "requirements.txt"
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        say(f"bench: installing {requirements.relative_to(CHECKOUT)}")
        uv = (sys.executable, "-m", "uv")
        run((*uv, "venv", "--quiet", "--clear", str(folder)), os.environ)
        run(
            (
                *(*uv, "pip", "install", "--quiet", "--python", str(python)),
                *("--require-hashes", "-r", str(requirements)),
            ),
            os.environ,
        )
        shutil.copy(requirements, stamp)
    return python


@contextlib.contextmanager
def peer(name: str, python: Path, folder: Path, of: Stack) -> Iterator[Stack]:
    """The peer with the rows and the keys of another stack."""
    folder.mkdir()
    with throwaway_cluster({**DURABLE, **SETTINGS}) as cluster:
        cluster.stop()
        cluster.settings["shared_preload_libraries"] = "pg_stat_statements"
        cluster.start()
        cluster.sql("create role clinic login")
        cluster.create_database(PEER_DATABASE)
        cluster.sql(f"alter database {PEER_DATABASE} owner to clinic")
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": url_of_asyncpg(cluster),
            "POOL_SIZE": str(THREADS),
            "SECRET_KEY": of.data["secret"],
        }
        run(("sh", "-c", f"cd '{PEER}' && exec '{python}' -m clinic.create"), environment)
        _copy(of.connection, cluster.url(PEER_DATABASE))
        log = folder / "server.log"
        command = (
            *(str(python), "-m", "uvicorn", "clinic.main:app", "--port", "0"),
            *("--workers", str(WORKERS), "--loop", "uvloop", "--http", "httptools"),
            "--no-access-log",
        )
        with serving(command, PEER, environment, log) as (url, process):
            yield Stack(
                name,
                url,
                process.pid,
                int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0]),
                cluster.url(PEER_DATABASE),
                "consultations",
                log,
                of.data,
            )


def url_of_asyncpg(cluster: Cluster) -> str:
    return f"postgresql+asyncpg://clinic@/{PEER_DATABASE}?host={cluster.socket}&port=5432"


def _copy(source: str, target: str) -> None:
    with psycopg.connect(source) as rows, psycopg.connect(target, autocommit=True) as copy:
        for table, query in COPIED.items():
            with (
                rows.cursor().copy(f"copy ({query}) to stdout".encode()) as out,
                copy.cursor().copy(f"copy {table} from stdin".encode()) as in_,
            ):
                for block in out:
                    in_.write(block)
        copy.execute("vacuum analyze")
        copy.execute("checkpoint")


@contextlib.contextmanager
def serving(
    command: tuple[str, ...], folder: Path, environment: Mapping[str, str], log: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server that prints its address, and its process."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := LISTENING.search(log.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                raise CommandError(f"{command[2]} did not start:\n{log.read_text()}")
            time.sleep(0.05)
        wait_for(found[0] + "/health", 200)
        yield found[0], process
    finally:
        process.terminate()
        process.wait(30)
