"""`make scale-bench`: SIZES="100000 1000000", SECONDS=10 for each path, REPORT=1 for docs/scale.md.

Two clients at a time, with the statement that the API sends, each as another person every time.
Milliseconds are those of this computer; what counts is how they change from size to size.
"""

from __future__ import annotations

import itertools
import os
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from scripts.server import Cluster
from scripts.system import CHECKOUT, command_line, say
from tests.client import new_key
from tests.faults.clinic import durable_cluster
from tests.races.clients import Person, SqlClient
from tests.scale.past import make_past

REPORT = CHECKOUT / "docs/scale.md"
CLIENTS = 2
TURNS = 5
Call = tuple[Person, str, dict[str, object]]


class Stock:
    """People, open slots and consultations to choose from."""

    def __init__(self, connection: psycopg.Connection, chance: random.Random) -> None:
        self.patients, self.doctors = (
            [
                Person(str(id_), role, str(session))
                for id_, role, session in connection.execute(
                    "select id, role, session_id from scale.people where role = %s", (role,)
                )
            ]
            for role in ("patient", "doctor")
        )
        slots = [
            str(id_)
            for (id_,) in connection.execute(
                "select id from app.availability_slots where status = 'open'"
                " and starts_at > now() + interval '1 hour'"
            )
        ]
        chance.shuffle(slots)
        # Every slot once, and every patient so seldom that they are free.
        self.slots: Iterator[str] = iter(slots)
        self.turns = itertools.cycle(self.patients)
        by_id = {person.id: person for person in self.patients}
        self.booked = [
            (str(id_), by_id[str(patient)])
            for id_, patient in connection.execute(
                "select id, patient_id from app.consultations order by random() limit 5000"
            )
        ]

    def book(self) -> Call:
        slot = {"slot_id": next(self.slots), "idempotency_key": new_key()}
        return next(self.turns), "book_consultation", slot

    def calls(self, chance: random.Random) -> dict[str, Callable[[], Call]]:
        def get() -> Call:
            id_, patient = chance.choice(self.booked)
            return patient, "get_consultation", {"consultation_id": id_}

        return {
            "book": self.book,
            "get, as the patient": get,
            "list, as the patient": lambda: (
                chance.choice(self.patients),
                "list_consultations",
                {},
            ),
            "list, as the doctor": lambda: (chance.choice(self.doctors), "list_consultations", {}),
        }


def main() -> None:
    sizes = [int(size) for size in (os.environ.get("SIZES") or "100000 1000000").split()]
    seconds = float(os.environ.get("SECONDS") or 10)
    table: dict[str, list[str]] = {}
    settings = {"shared_buffers": "1GB", "max_wal_size": "8GB", "random_page_cost": "1.1"}
    with durable_cluster(settings=settings) as cluster:
        version = cluster.version
        for size in sizes:
            database = f"scale_{size}"
            began = time.monotonic()
            make_past(cluster, database, size)
            bytes_ = cluster.sql(
                "select pg_size_pretty(pg_database_size(current_database()))", database
            )
            say(f"scale-bench: {size:,} consultations, {bytes_}: {time.monotonic() - began:.0f} s")
            for path, figures in measure(cluster, database, seconds).items():
                say(f"scale-bench: {path}: {figures}")
                table.setdefault(path, []).append(figures)
            cluster.drop_database(database)
    if os.environ.get("REPORT"):
        write(sizes, table, version, seconds)
        say(f"scale-bench: written to {REPORT}")


def measure(cluster: Cluster, database: str, seconds: float) -> dict[str, str]:
    chance = random.Random(1)
    with psycopg.connect(cluster.url(database)) as connection:
        stock = Stock(connection, chance)
    figures = {}
    for path, call in stock.calls(chance).items():
        figures[path] = told(at_work(cluster, database, call, seconds), seconds)
    # By turns, because a computer is not always equally fast.
    alone, sealed = [], []
    for _ in range(TURNS):
        alone += at_work(cluster, database, stock.book, seconds / TURNS)
        with sealer(cluster, database):
            sealed += at_work(cluster, database, stock.book, seconds / TURNS)
    figures["book, the trail not sealed"] = told(alone, seconds)
    figures["book, the trail sealed ten times a second"] = told(sealed, seconds)
    return figures


def at_work(
    cluster: Cluster, database: str, call: Callable[[], Call], seconds: float
) -> list[float]:
    """How long each call took that two clients made."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = [pool.submit(work, cluster, database, call, seconds) for _ in range(CLIENTS)]
        return [each for run in runs for each in run.result()]


def told(times: list[float], seconds: float) -> str:
    median, p95 = statistics.median(times), sorted(times)[int(len(times) * 0.95)]
    return f"{len(times) / seconds:,.0f}/s, median {median * 1000:.2f} ms, p95 {p95 * 1000:.2f} ms"


@contextmanager
def sealer(cluster: Cluster, database: str) -> Iterator[None]:
    over = threading.Event()

    def seal() -> None:
        with psycopg.connect(cluster.url(database), autocommit=True) as connection:
            while not over.wait(0.1):
                connection.execute("select ops.seal_audit()")

    with ThreadPoolExecutor(1) as pool:
        sealing = pool.submit(seal)
        try:
            yield
        finally:
            over.set()
            sealing.result()


def work(cluster: Cluster, database: str, call: Callable[[], Call], seconds: float) -> list[float]:
    times: list[float] = []
    with closing(SqlClient(cluster.url(database, "telemed_api"))) as client:
        until = time.monotonic() + seconds
        while (began := time.monotonic()) < until:
            person, function, arguments = call()
            began = time.monotonic()
            answer = client.call(person, function, **arguments)
            times.append(time.monotonic() - began)
            assert answer.code in ("", "TM904"), answer
    return times


def write(sizes: list[int], table: dict[str, list[str]], version: str, seconds: float) -> Path:
    lines = [
        "# A history of years",
        "",
        "The hot paths with more and more past consultations in the one table: two clients through"
        " SQL, with the statement that the API sends, fsync on, `shared_buffers` 1 GB, everything"
        f" on one computer with {os.cpu_count()} CPUs, PostgreSQL {version}, {seconds:.0f} s for"
        " each figure. `make scale-bench REPORT=1` writes this file, `SIZES=` chooses. Read it"
        " across: milliseconds promise nothing, their change does.",
        "",
        "| | " + " | ".join(f"{size:,}" for size in sizes) + " |",
        "|---|" + "---|" * len(sizes),
        *(f"| {path} | {' | '.join(figures)} |" for path, figures in table.items()),
    ]
    REPORT.write_text("\n".join(lines) + "\n")
    return REPORT


if __name__ == "__main__":
    command_line("scale-bench", main)
