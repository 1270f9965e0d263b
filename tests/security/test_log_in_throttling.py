"""Throttling: failed log-ins wait with back-off, and failures of others lock no account out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pyotp
import pytest
import requests

from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, Contract, ok, problem, race, statuses
from tests.support.people import log_in
from tests.support.server import serve, wait_for


@pytest.fixture(scope="module")
def database(new_database: Callable[[], str]) -> str:
    """A database with the limits that a deployment sets."""
    return new_database()


@pytest.fixture(scope="module")
def stranger(
    cluster: Cluster, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """A client without an account, of a server on that database."""
    log = tmp_path_factory.mktemp("throttling") / "log"
    url = cluster.url(database, "telemed_api")
    with serve(url, log, WEB_CONCURRENCY="2", THREADS="16") as running:
        wait_for(running.url + "/health/ready", 200)
        document = requests.get(running.url + "/openapi.json", timeout=60).json()
        yield Client(running.url, Contract(document))


@pytest.fixture
def patient(stranger: Client, request: pytest.FixtureRequest) -> Client:
    """A patient whom no other test uses."""
    email = f"{request.node.name.replace('_', '.')}@clinic.test"
    body = {"email": email, "password": PASSWORD, "full_name": "Pat Patient"}
    ok(stranger.post("/v1/auth/signup", body), 201)
    return log_in(stranger, email)


def test_repeated_failed_log_ins_are_throttled(stranger: Client, patient: Client) -> None:
    wrong = {"email": patient.email, "password": "not the right password"}
    for _ in range(5):
        problem(stranger.post("/v1/auth/login", wrong), 401, "TM103")
    answer = stranger.post("/v1/auth/login", wrong)
    problem(answer, 429, "TM801")
    assert int(answer.headers["Retry-After"]) >= 1
    # The right password waits, too. Otherwise the wait would reveal that it is right.
    problem(stranger.post("/v1/auth/login", wrong | {"password": PASSWORD}), 429, "TM801")
    # Sessions that exist are not affected.
    ok(patient.get("/v1/me"))


def test_unknown_account_is_throttled_in_the_same_way(stranger: Client) -> None:
    wrong = {"email": "unknown-account@clinic.test", "password": "not the right password"}
    answers = [stranger.post("/v1/auth/login", wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


def test_concurrent_guesses_are_throttled_like_sequential_ones(
    stranger: Client, patient: Client
) -> None:
    wrong = {"email": patient.email, "password": "not the right password"}
    answers = race([lambda: stranger.post("/v1/auth/login", wrong)] * 20)
    counts = statuses(answers)
    # Some may get 503, because the number of concurrent hashes is bounded. Those do not count.
    assert set(counts) <= {401, 429, 503}
    guesses = counts[401]
    while stranger.post("/v1/auth/login", wrong).status_code == 401:
        guesses += 1
    assert guesses == 5


def test_two_concurrent_guesses_use_one_free_attempt(cluster: Cluster, database: str) -> None:
    """A guess that read the count before it got the lock would be allowed, too."""
    guess = "select app.count_log_in_attempt('one@clinic.test', '192.0.2.1')"
    blocked = "select count(*) from unnest(%s::int[]) as p where pg_blocking_pids(p) <> '{}'"
    url = cluster.url(database)
    with (
        psycopg.connect(url) as holder,
        psycopg.connect(url, autocommit=True) as first,
        psycopg.connect(url, autocommit=True) as second,
        ThreadPoolExecutor(2) as pool,
    ):
        for _ in range(4):
            first.execute(guess)
        holder.execute("select * from app.log_in_attempts for update")
        guesses = [pool.submit(connection.execute, guess) for connection in (first, second)]
        pids = [connection.info.backend_pid for connection in (first, second)]
        while holder.execute(blocked, (pids,)).fetchone() != (2,):
            assert not any(future.done() for future in guesses)
        holder.commit()
        errors = [future.exception(60) for future in guesses]
    refused = [error for error in errors if error is not None]
    assert [getattr(error, "sqlstate", "") for error in refused] == ["TM801"]


def test_successful_log_in_resets_the_throttle(
    cluster: Cluster, database: str, stranger: Client, patient: Client
) -> None:
    wrong = {"email": patient.email, "password": "not the right password"}
    for _ in range(3):
        for _ in range(4):
            problem(stranger.post("/v1/auth/login", wrong), 401, "TM103")
        ok(stranger.post("/v1/auth/login", wrong | {"password": PASSWORD}))


def test_failures_of_others_do_not_lock_an_account_out(
    cluster: Cluster, database: str, stranger: Client, patient: Client
) -> None:
    # As after a thousand failures from other addresses.
    cluster.sql(
        f"""
        update app.log_in_attempts set failures = 1000, last_attempt_at = now()
         where subject = app.log_in_subject('account', '{patient.email}', null)
        """,
        database,
    )
    ok(stranger.post("/v1/auth/login", {"email": patient.email, "password": PASSWORD}))


def test_password_change_attempts_are_throttled_too(stranger: Client, patient: Client) -> None:
    body = {"current_password": "not the right password", "new_password": "mauve trumpet 41 lagoon"}
    for _ in range(5):
        problem(patient.post("/v1/me/password", body), 422, "TM220")
    problem(patient.post("/v1/me/password", body), 429, "TM801")


def test_log_in_with_a_second_factor_is_not_counted_as_failed(
    stranger: Client, patient: Client
) -> None:
    secret = ok(patient.post("/v1/me/mfa"), 201)["secret"]
    totp = pyotp.TOTP(secret)
    ok(patient.post("/v1/me/mfa/confirm", {"otp": totp.now()}))
    body = {"email": patient.email, "password": PASSWORD}
    for _ in range(8):
        problem(stranger.post("/v1/auth/login", body), 401, "TM105")
