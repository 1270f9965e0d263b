"""The API behind PgBouncer in transaction mode: every answer belongs to its request."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, g

from api import config, db
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, at, new_key, ok
from tests.support.pooler import Pooler
from tests.support.server import environment, serve, wait_for

People = Callable[..., Client]

CLIENTS = 8


@dataclass
class Exchange:
    """A request, and the answer of a server without a pooler."""

    caller: Client
    path: str
    answer: object


@pytest.fixture(scope="module")
def exchanges(new_doctor: People, new_patient: People) -> list[Exchange]:
    """Calls of functions with no parameter and with one parameter, several of each."""
    found = []
    for day in (2, 3):
        doctor, patient = new_doctor(), new_patient()
        consultation = patient.book(doctor.publish(at(day)))
        own = f"/v1/consultations/{consultation['id']}"
        shared = ("/v1/me", f"/v1/doctors/{doctor.id}", own)
        reads = [(doctor, path) for path in (*shared, f"{own}/history", "/v1/time-off")]
        reads += [(patient, path) for path in (*shared, f"{own}/prescriptions", f"{own}/payments")]
        found += [Exchange(caller, path, ok(caller.get(path))) for caller, path in reads]
    assert len({json.dumps(exchange.answer) for exchange in found}) >= 10
    return found


class Load:
    """Clients that send requests concurrently, again and again, and compare each answer."""

    def __init__(self, url: str, exchanges: list[Exchange]) -> None:
        self.url = url
        self.exchanges = exchanges
        self.counts: Counter[str] = Counter()
        self.examples: list[str] = []
        self._counting = threading.Condition()
        self._enough = threading.Event()

    def __enter__(self) -> Load:
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, kind: str, more: int = 1) -> None:
        """Wait for `more` answers of a kind, or for 20,000 answers of any kind."""
        goal = self.counts[kind] + more
        self._wait(lambda: self.counts[kind] >= goal)

    def wait_for_example(self) -> None:
        """Wait for an unexpected answer, or for 20,000 answers of any kind."""
        self._wait(lambda: bool(self.examples))

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._counting:
            most = self.counts.total() + 20_000
            self._counting.wait_for(lambda: condition() or self.counts.total() >= most)

    def _run(self, number: int) -> None:
        position = number * len(self.exchanges) // CLIENTS
        with requests.Session() as session:
            while not self._enough.is_set():
                exchange = self.exchanges[position % len(self.exchanges)]
                position += 1
                answer = session.get(
                    self.url + exchange.path,
                    headers={"Authorization": f"Bearer {exchange.caller.token}"},
                    timeout=60,
                )
                self._count(exchange, answer)

    def _count(self, exchange: Exchange, answer: requests.Response) -> None:
        kind = str(answer.status_code)
        if answer.status_code == 200:
            kind = "right" if answer.json() == exchange.answer else "wrong"
        with self._counting:
            self.counts[kind] += 1
            if kind not in ("right", "503"):
                self.examples.append(f"{exchange.path}: {kind} {answer.text[:200]}")
            self._counting.notify_all()


@pytest.fixture
def pooler(cluster: Cluster) -> Iterator[Pooler]:
    with Pooler(cluster) as running:
        yield running


# The wrong setting "session" must not give a request the answer of another request, either.
@pytest.mark.parametrize("setting", ["auto", "transaction", "session"])
def test_pooled_answers_match_their_requests_also_over_a_restart(
    setting: str, pooler: Pooler, database: str, exchanges: list[Exchange], tmp_path: Path
) -> None:
    settings = {"WEB_CONCURRENCY": "2", "DATABASE_POOLER": setting}
    with serve(pooler.url(database), tmp_path / "log", **settings) as server:
        wait_for(server.url + "/health/ready", 200)
        with Load(server.url, exchanges) as load:
            load.wait_for("right", 400)
            pooler.stop()
            load.wait_for("503", CLIENTS)
            pooler.start()
            load.wait_for("right", 400)
        assert set(load.counts) == {"right", "503"}, load.examples
        lines = [json.loads(line) for line in server.output.splitlines()]
    assert not [line for line in lines if line["event"] == "bug"]
    if setting != "session":  # one line from each worker
        found = [line for line in lines if line["event"] == "pooler"]
        assert len(found) == (2 if setting == "auto" else 0)


def test_comparison_notices_the_wrong_function(
    pooler: Pooler, database: str, exchanges: list[Exchange], tmp_path: Path
) -> None:
    settings = {"WEB_CONCURRENCY": "2", "DATABASE_POOLER": "session"}
    app = "tests.support.pooler:as_psycopg_does()"
    with (
        serve(pooler.url(database), tmp_path / "log", app=app, **settings) as server,
        Load(server.url, exchanges) as load,
    ):
        load.wait_for_example()
    # Another function answers, or refuses the arguments: 404, 422 or 500.
    assert load.examples, load.counts


def test_pooled_write_happens_once(
    pooler: Pooler, database: str, new_doctor: People, new_patient: People, tmp_path: Path
) -> None:
    doctor, patient = new_doctor(), new_patient()
    with serve(pooler.url(database), tmp_path / "log", WEB_CONCURRENCY="2") as server:
        wait_for(server.url + "/health/ready", 200)
        doctor.url = patient.url = server.url
        for day in range(4, 16):
            slot = doctor.publish(at(day))
            key, body = new_key(), {"slot_id": slot["id"]}
            made = patient.post("/v1/consultations", body, key=key)
            again = patient.post("/v1/consultations", body, key=key)
            assert ok(made, 201)["starts_at"] == slot["starts_at"]
            assert (ok(again, 201), again.headers["Idempotency-Replayed"]) == (
                ok(made, 201),
                "true",
            )
        assert len(ok(patient.get("/v1/consultations"))["items"]) == 12


@pytest.mark.parametrize(
    ("setting", "pooled", "prepares"),
    [
        ("auto", False, True),
        ("session", False, True),
        ("transaction", False, False),
        ("auto", True, False),
        ("transaction", True, False),
        ("session", True, True),
    ],
)
def test_statements_are_prepared_unless_a_pooler_is_set_or_found(
    setting: str, pooled: bool, prepares: bool, pooler: Pooler, cluster: Cluster, database: str
) -> None:
    url = pooler.url(database) if pooled else cluster.url(database, "telemed_api")
    settings = config.load(environment(url, DATABASE_POOLER=setting, DATABASE_POOL_SIZE="1"))
    app = Flask("pooler")
    app.config["SETTINGS"] = settings
    db.open_pool(settings)
    try:
        with app.test_request_context("/"):
            g.request_id = "some-request"
            for _ in range(7):
                db.call("log_in_salt", email="nobody@clinic.test", cost=4)
            with db._borrow() as connection:
                assert bool(names(connection)) == prepares
    finally:
        db.close_pool()


def test_times_through_a_pooler_are_in_utc_for_a_database_in_berlin(
    cluster: Cluster, new_database: Callable[[], str], pooler: Pooler, tmp_path: Path
) -> None:
    database = new_database()
    cluster.sql(f"alter database {database} set timezone = 'Europe/Berlin'")
    cluster.sql(f"alter role telemed_api in database {database} set timezone = 'Europe/Berlin'")
    body = {"email": "berlin@clinic.test", "password": PASSWORD, "full_name": "Pat Patient"}
    with serve(pooler.url(database), tmp_path / "log", WEB_CONCURRENCY="1") as server:
        made = ok(requests.post(server.url + "/v1/auth/signup", json=body, timeout=60), 201)
    assert made["created_at"].endswith("Z")


def names(connection: Any) -> list[str]:
    rows = connection.execute("select name from pg_prepared_statements").fetchall()
    return [name for (name,) in rows]
