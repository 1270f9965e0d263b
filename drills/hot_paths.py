"""Times book, get and list, one after the other, with two clients through SQL."""

from __future__ import annotations

import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg

from scripts.server import Cluster
from tests.support.client import new_key
from tests.support.sql_client import Person, SqlClient

SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "random_page_cost": "1.1"}
CLIENTS = 2
WARM_UP_SECONDS = 5
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
        # Every slot is used once, and every patient so seldom that they are free.
        self.slots: Iterator[str] = iter(slots)
        self.turns = itertools.cycle(self.patients)
        by_id = {person.id: person for person in self.patients}
        self.booked = [
            (str(id_), by_id[str(patient)])
            for id_, patient in connection.execute(
                "select c.id, c.patient_id from app.consultations as c"
                " join scale.people as p on p.id = c.patient_id order by random() limit 5000"
            )
        ]

    @classmethod
    def of(cls, cluster: Cluster, database: str) -> Stock:
        with psycopg.connect(cluster.url(database)) as connection:
            return cls(connection, random.Random(1))

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


def hot_paths(cluster: Cluster, database: str, stock: Stock, seconds: float) -> dict[str, str]:
    """Figures of each path, measured for `seconds` after a warm-up."""
    calls = stock.calls(random.Random(1))
    for call in calls.values():
        at_work(cluster, database, call, WARM_UP_SECONDS)
    return {
        path: figures_of(at_work(cluster, database, call, seconds), seconds)
        for path, call in calls.items()
    }


def at_work(
    cluster: Cluster, database: str, call: Callable[[], Call], seconds: float
) -> list[float]:
    """The seconds that each call of two clients took."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = [pool.submit(work, cluster, database, call, seconds) for _ in range(CLIENTS)]
        return [each for run in runs for each in run.result()]


def figures_of(times: list[float], seconds: float) -> str:
    median, p95 = statistics.median(times), sorted(times)[int(len(times) * 0.95)]
    return f"{len(times) / seconds:,.0f}/s, median {median * 1000:.2f} ms, p95 {p95 * 1000:.2f} ms"


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
