"""What the metrics of the API count, in all of its processes."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests

from scripts.server import Cluster
from tests.support.client import Client, Contract, new_key, ok, problem
from tests.support.exposition import Scrape, scrape
from tests.support.people import log_in
from tests.support.raw import connect, everything, refused, request
from tests.support.server import Server, children, serve, wait_for

BOOKING = {"method": "POST", "route": "/v1/consultations"}
EMAIL, PASSWORD = "pat@clinic.test", "correct horse battery staple"
# As many sessions of the API as wait for a lock.
BLOCKED = """
    select count(*) from pg_stat_activity
     where datname = '{}' and usename = 'telemed_api' and wait_event_type = 'Lock'
"""


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def growth(server: Server, before: Scrape, name: str, **labels: str) -> float:
    return scrape(server.url).value(name, **labels) - before.value(name, **labels)


def test_bookings_conflicts_and_replays_are_counted(
    server: Server, doctor: Client, patient: Client, new_patient: Callable[..., Client]
) -> None:
    body = {"slot_id": doctor.publish()["id"]}
    before, key = scrape(server.url), new_key()
    ok(patient.post("/v1/consultations", body, key=key), 201)
    assert growth(server, before, "http_requests_total", **BOOKING, status="201") == 1
    assert growth(server, before, "http_replays_total", **BOOKING) == 0
    ok(patient.post("/v1/consultations", body, key=key), 201)
    assert growth(server, before, "http_replays_total", **BOOKING) == 1
    problem(new_patient().post("/v1/consultations", body, key=new_key()), 409, "TM901")
    assert growth(server, before, "http_problems_total", **BOOKING, code="TM901") == 1
    assert growth(server, before, "http_requests_total", **BOOKING, status="409") == 1


def test_refusals_are_counted_by_code(server: Server, patient: Client, stranger: Client) -> None:
    before = scrape(server.url)
    wrong = {"email": patient.email, "password": "wrong password"}
    problem(stranger.post("/v1/auth/login", wrong), 401, "TM103")
    problem(stranger.get("/v1/me"), 401)
    problem(stranger.get("/v1/nothing"), 404)
    assert growth(server, before, "http_problems_total", route="/v1/auth/login", code="TM103") == 1
    assert growth(server, before, "http_problems_total", route="/v1/me") == 1
    assert growth(server, before, "http_problems_total", route="unknown", code="HTTP404") == 1


def test_request_that_does_not_reach_the_application_is_counted(server: Server) -> None:
    before = scrape(server.url)
    with connect(server.url) as connection:
        connection.sendall(request("GET", "/v1/me", "Bad Name: x"))
        refused(everything(connection), 400)
    assert growth(server, before, "http_refused_total", status="400") == 1


@pytest.fixture
def narrow(
    cluster: Cluster, new_database: Callable[[], str], tmp_path: Path
) -> Iterator[tuple[Server, str, Client]]:
    """A server with one connection, its database and a patient. Statements wait for locks."""
    database = new_database()
    for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        cluster.sql(f"alter role telemed_api in database {database} set {limit} = 0")
    settings = {
        "WEB_CONCURRENCY": "1",
        "DATABASE_POOL_SIZE": "1",
        "DATABASE_POOL_TIMEOUT_SECONDS": "60",
        "DATABASE_ANSWER_TIMEOUT_SECONDS": "300",
    }
    url = cluster.url(database, "telemed_api")
    with serve(url, tmp_path / "log", **settings) as server:
        wait_for(server.url + "/health/ready", 200)
        document = requests.get(server.url + "/openapi.json", timeout=60).json()
        stranger = Client(server.url, Contract(document))
        body = {"email": EMAIL, "password": PASSWORD, "full_name": "Pat"}
        ok(stranger.post("/v1/auth/signup", body), 201)
        yield server, database, log_in(stranger, EMAIL)


@contextlib.contextmanager
def locked(cluster: Cluster, database: str) -> Iterator[None]:
    """Every request that reads an account waits."""
    with psycopg.connect(cluster.url(database)) as connection:
        connection.execute("lock table app.users in access exclusive mode")
        yield


def test_connections_in_use_and_waits_for_them_are_measured(
    cluster: Cluster, narrow: tuple[Server, str, Client]
) -> None:
    server, database, patient = narrow
    eventually(lambda: scrape(server.url).value("db_pool_connections") == 1)
    before = scrape(server.url)
    with ThreadPoolExecutor(3) as pool:
        with locked(cluster, database):
            answers = [pool.submit(patient.get, "/v1/me") for _ in range(3)]
            eventually(lambda: scrape(server.url).value("db_pool_waiting") == 2)
            eventually(lambda: scrape(server.url).value("db_pool_in_use") == 1)
            time.sleep(0.01)  # longer than a wait has to be
        assert [answer.result().status_code for answer in answers] == [200] * 3
    eventually(lambda: scrape(server.url).value("db_pool_waiting") == 0)
    eventually(lambda: scrape(server.url).value("db_pool_in_use") == 0)
    assert growth(server, before, "db_pool_wait_seconds_count") >= 2
    assert growth(server, before, "db_pool_wait_seconds_sum") > 0.01
    assert growth(server, before, "db_round_trip_seconds_count") == 3
    assert growth(server, before, "db_round_trip_seconds_sum") > 0.01


def test_lost_connection_is_counted_as_a_retry(
    cluster: Cluster, narrow: tuple[Server, str, Client]
) -> None:
    server, database, patient = narrow
    kill = BLOCKED.replace("count(*)", "count(pg_terminate_backend(pid, 60000))").format(database)
    with ThreadPoolExecutor(1) as pool:
        with locked(cluster, database):
            answer = pool.submit(patient.get, "/v1/me")
            eventually(lambda: cluster.sql(BLOCKED.format(database)) == "1")
            assert cluster.sql(kill) == "1"
        assert answer.result().status_code == 200
    assert scrape(server.url).value("db_retries_total", reason="lost") == 1


def test_gauges_of_a_killed_process_end_with_it(
    cluster: Cluster, narrow: tuple[Server, str, Client]
) -> None:
    server, database, patient = narrow
    (process,) = children(server.process.pid)
    with ThreadPoolExecutor(1) as pool, locked(cluster, database):
        lost: Future[requests.Response] = pool.submit(patient.get, "/v1/me")
        eventually(lambda: cluster.sql(BLOCKED.format(database)) == "1")
        eventually(lambda: scrape(server.url).value("db_pool_in_use") == 1)
        os.kill(process, signal.SIGKILL)
        assert isinstance(lost.exception(), requests.ConnectionError)
        eventually(lambda: children(server.process.pid) not in ([], [process]))
        wait_for(server.url + "/health", 200)
        eventually(lambda: scrape(server.url).value("db_pool_connections") == 1)
        # The new process uses its connection once when it begins.
        eventually(lambda: scrape(server.url).value("db_pool_in_use") == 0)
    # counters stay
    assert scrape(server.url).value("http_requests_total", route="/v1/auth/login") == 1
