"""Servers that others would build instead, and the least that each framework answers."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import psycopg

from drills.bench.stacks import CACHE, THREADS, WORKERS, Stack
from drills.hot_paths import SETTINGS
from drills.load_tools import python_with
from drills.stage import SETTINGS as DURABLE
from scripts.cluster import THROWAWAY_CONTEXT_KEY, throwaway_cluster
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError, run, say
from tests.support.server import serve, wait_for

HERE = Path(__file__).parent / "peers"
FASTAPI = HERE / "fastapi_sqlalchemy"
GRAPHQL = HERE / "postgraphile"
DATABASE = "clinic"
LISTENING = re.compile(r"http://127\.0\.0\.1:\d+")
# The tables of the peer, and the same rows in ours.
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


@contextlib.contextmanager
def fastapi(name: str, folder: Path, of: Stack) -> Iterator[Stack]:
    """FastAPI and SQLAlchemy, with the rows and the access tokens of another stack."""
    folder.mkdir()
    python = python_with(FASTAPI / "requirements.txt")
    with throwaway_cluster({**DURABLE, **SETTINGS}) as cluster:
        cluster.stop()
        cluster.settings["shared_preload_libraries"] = "pg_stat_statements"
        cluster.start()
        cluster.sql("create role clinic login")
        cluster.create_database(DATABASE)
        cluster.sql(f"alter database {DATABASE} owner to clinic")
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": _url_of_asyncpg(cluster),
            "POOL_SIZE": str(THREADS),
            "SECRET_KEY": of.data["secret"],
        }
        run(("sh", "-c", f"cd '{FASTAPI}' && exec '{python}' -m clinic.create"), environment)
        _copy(of.connection, cluster.url(DATABASE))
        log = folder / "server.log"
        with serving(_uvicorn(python, "clinic.main:app"), FASTAPI, environment, log) as found:
            yield Stack(
                name=name,
                url=found[0],
                server=found[1],
                database=int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0]),
                connection=cluster.url(DATABASE),
                consultations="consultations",
                log=log,
                data=of.data,
            )


def _url_of_asyncpg(cluster: Cluster) -> str:
    return f"postgresql+asyncpg://clinic@/{DATABASE}?host={cluster.socket}&port=5432"


def _uvicorn(python: Path, app: str) -> tuple[str, ...]:
    return (
        *(str(python), "-m", "uvicorn", app, "--port", "0", "--workers", str(WORKERS)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log"),
    )


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
def postgraphile(name: str, folder: Path, of: Stack, slots: list[object]) -> Iterator[Stack]:
    """PostGraphile on the database of another stack, with slots of its own."""
    folder.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_ENV": "production",
        "CONTEXT_KEY": THROWAWAY_CONTEXT_KEY,
        "DATABASE_URL": _url_of_node(of),
        "POOL_SIZE": str(THREADS),
        "PORT": "0",
        "SECRET_KEY": of.data["secret"],
        "WORKERS": str(WORKERS),
    }
    log = folder / "server.log"
    with serving(("node", "server.js"), _node_modules(), environment, log) as (url, pid):
        yield replace(
            of,
            name=name,
            url=url,
            server=pid,
            log=log,
            data=of.data | {"slots": slots},
            next_slot=0,
            booked=0,
            unanswered=0,
        )


def _url_of_node(of: Stack) -> str:
    found = psycopg.conninfo.conninfo_to_dict(of.connection)
    return f"socket:{found['host']}?db={found['dbname']}&user=telemed_api"


def versions() -> dict[str, str]:
    """The versions of what the peer is made of."""
    pins = re.findall(
        r"^([\w-]+)(?:\[\w+\])?==(\S+)", (FASTAPI / "requirements.txt").read_text(), re.M
    )
    wanted = ("fastapi", "sqlalchemy", "asyncpg", "uvicorn", "uvloop", "pydantic")
    return {name: version for name, version in pins if name in wanted}


def has_node() -> bool:
    """Whether there are Node.js and npm."""
    return all(shutil.which(program) for program in ("node", "npm"))


def _node_modules() -> Path:
    """A copy of server.js with the locked packages, in the cache."""
    folder = CACHE / "postgraphile"
    folder.mkdir(parents=True, exist_ok=True)
    lock = GRAPHQL / "package-lock.json"
    stamp = folder / "node_modules" / ".lock"
    for path in GRAPHQL.iterdir():
        shutil.copy(path, folder)
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        say(f"bench: installing {lock.relative_to(CHECKOUT)}")
        run(("npm", "ci", "--prefix", str(folder), "--no-audit", "--no-fund"), os.environ)
        shutil.copy(lock, stamp)
    return folder


# The least that each framework answers


@contextlib.contextmanager
def hello_fastapi(name: str, folder: Path, of: Stack) -> Iterator[Stack]:
    log = folder / f"{name}.log"
    python = python_with(FASTAPI / "requirements.txt")
    environment = {"PATH": os.environ["PATH"]}
    with serving(_uvicorn(python, "hello:app"), FASTAPI, environment, log) as (url, pid):
        yield replace(of, name=name, url=url, server=pid, log=log)


@contextlib.contextmanager
def hello_flask(name: str, folder: Path, of: Stack) -> Iterator[Stack]:
    settings = {"WEB_CONCURRENCY": str(WORKERS), "THREADS": str(THREADS)}
    url = of.connection.replace("postgres@", "telemed_api@")
    log = folder / f"{name}.log"
    with serve(url, log, app="drills.bench.hello_flask:app", **settings) as server:
        yield replace(of, name=name, url=server.url, server=server.process.pid, log=log)


@contextlib.contextmanager
def serving(
    command: tuple[str, ...], folder: Path, environment: Mapping[str, str], log: Path
) -> Iterator[tuple[str, int]]:
    """The address that a server prints, and its process."""
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
                raise CommandError(f"{' '.join(command)} did not start:\n{log.read_text()}")
            time.sleep(0.05)
        wait_for(found[0] + "/health", 200)
        yield found[0], process.pid
    finally:
        process.terminate()
        process.wait(30)
