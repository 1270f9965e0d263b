"""Whether a failed log-in tells who has an account: by its words, by its work, or by its time."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable, Iterator
from unittest.mock import patch

import bcrypt
import pytest
from flask import Flask
from structlog.testing import capture_logs

from api import config, db, logs
from api.app import create_app
from api.password_hashing import hash_password
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, problem
from tests.support.server import environment

COST = 6  # of the application whose work is counted; accounts of the shared server have 4
CALLS = int(os.environ.get("ATTACK_CALLS", "0"))
ROUNDS = 3
SIGNIFICANT = 4.0  # standard deviations; chance alone does that once in 15,000 times

UNKNOWN = {
    "unknown": "nobody@clinic.test",
    "unknown and long": "x" * 242 + "@clinic.test",
    "unknown and strange": "ünknöwn🙂'or'true--@clinic.test",
}


@pytest.fixture(scope="module")
def accounts(
    cluster: Cluster,
    database: str,
    new_patient: Callable[..., Client],
    new_doctor: Callable[..., Client],
) -> dict[str, str]:
    """E-mail addresses of each kind that a log-in may be tried with."""
    patient, gone, admin = new_patient(), new_patient(), "slow.admin@clinic.test"
    values = f"'{admin}', '{hash_password(PASSWORD, 4)}', 'Chief'"
    cluster.sql(f"select ops.create_admin({values})", database)
    cluster.sql(f"update app.users set deactivated_at = now() where id = '{gone.id}'", database)
    return UNKNOWN | {
        "known": patient.email,
        "known, in capitals": patient.email.upper(),
        "a doctor": new_doctor().email,
        "an admin": admin,
        "deactivated": gone.email,
    }


@pytest.fixture(scope="module")
def app(cluster: Cluster, database: str) -> Iterator[Flask]:
    """The application in this process, where its work can be watched."""
    url = cluster.url(database, "telemed_api")
    settings = config.load(environment(url, BCRYPT_COST=str(COST), DATABASE_POOL_SIZE="1"))
    with patch.object(logs, "configure"):  # the log of this process is that of all tests
        app = create_app(settings)
    db.open_pool(settings)
    with capture_logs():
        yield app
    db.close_pool()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """What is done from here on: each hash with its cost, and each statement."""
    done: list[tuple[str, object]] = []
    hash_with_bcrypt, execute = bcrypt.hashpw, db._execute

    def hashpw(password: bytes, salt: bytes) -> bytes:
        done.append(("hash", (int(salt[4:6]), len(password))))
        return hash_with_bcrypt(password, salt)

    def executed(statement: bytes, *arguments: object, **more: object) -> bytes:
        done.append(("statement", statement))
        return execute(statement, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(bcrypt, "hashpw", hashpw)
    monkeypatch.setattr(db, "_execute", executed)
    return done


def set_cost(cluster: Cluster, database: str, email: str, cost: int) -> None:
    """Give an account a hash as it is made with this setting of BCRYPT_COST."""
    hashed = hash_password(PASSWORD, cost)
    where = f"lower(email) = lower('{email}')"
    cluster.sql(f"update app.users set password_hash = '{hashed}' where {where}", database)


def refused(stranger: Client, email: str, password: str) -> tuple[object, ...]:
    """Everything that a failed log-in says, without what is another each time."""
    answer = stranger.post("/v1/auth/login", {"email": email, "password": password})
    told = problem(answer, 401, "TM103")
    assert told.pop("request_id") == answer.headers["X-Request-Id"]
    other = ("Date", "X-Request-Id", "RateLimit-Remaining", "RateLimit-Reset")
    headers = {n: v for n, v in answer.headers.items() if n not in other}
    return answer.status_code, answer.reason, told, headers


def test_every_failed_log_in_gets_the_same_answer(
    stranger: Client, accounts: dict[str, str]
) -> None:
    first = refused(stranger, UNKNOWN["unknown"], "wrong")
    for kind, email in accounts.items():
        assert refused(stranger, email, "wrong") == first, kind
        assert refused(stranger, email, "x" * 128) == first, kind
    assert refused(stranger, accounts["deactivated"], PASSWORD) == first


def test_every_failed_log_in_costs_the_same_work(
    app: Flask,
    work: list[tuple[str, object]],
    accounts: dict[str, str],
    cluster: Cluster,
    database: str,
) -> None:
    for email in set(accounts.values()) - set(UNKNOWN.values()):
        set_cost(cluster, database, email, COST)
    done = {}
    for kind, email in accounts.items():
        for password in ("wrong", "x" * 128, "ü🙂\n", PASSWORD):
            if password == PASSWORD and kind not in (*UNKNOWN, "deactivated"):
                continue
            work.clear()
            before = rows(cluster, database)
            body = {"email": email, "password": password}
            answer = app.test_client().post("/v1/auth/login", json=body)
            assert answer.status_code == 401
            written = rows(cluster, database) - before
            done[kind, password] = (list(work), written)
    hashed, statements = ("hash", (COST, 64)), ["statement", "hash", "statement"]
    for told, (steps, written) in done.items():
        assert [step for step, _ in steps] == statements, told
        assert steps[1] == hashed, told
        assert (steps, written) == done["unknown", "wrong"], told


@pytest.mark.parametrize("cost", [4, 5, 6])
def test_account_with_an_older_bcrypt_cost_costs_the_same_work(
    cost: int,
    app: Flask,
    work: list[tuple[str, object]],
    accounts: dict[str, str],
    cluster: Cluster,
    database: str,
) -> None:
    set_cost(cluster, database, accounts["known"], cost)

    def rounds(email: str, password: str, status: int) -> int:
        work.clear()
        body = {"email": email, "password": password}
        answer = app.test_client().post("/v1/auth/login", json=body)
        assert answer.status_code == status
        return sum(2 ** detail[0] for step, detail in work if step == "hash")  # type: ignore[index]

    assert rounds(accounts["unknown"], "wrong", 401) == 2**COST
    assert rounds(accounts["known"], "wrong", 401) == 2**COST
    assert rounds(accounts["known"], PASSWORD, 200) == 2**COST


def rows(cluster: Cluster, database: str) -> int:
    """How many rows there are in all tables together."""
    count = "query_to_xml(format('select count(*) as n from app.%I', tablename), true, true, '')"
    statement = f"""
        select sum((xpath('/row/n/text()', {count}))[1]::text::bigint)
        from pg_tables where schemaname = 'app'
    """
    return int(cluster.sql(statement, database))


@pytest.mark.skipif(not CALLS, reason="the long form: ATTACK_CALLS says how many of each kind")
def test_log_in_time_reveals_no_account(
    stranger: Client, accounts: dict[str, str], cluster: Cluster, database: str
) -> None:
    """Known, unknown and deactivated in random order; nothing depends on how fast this machine is.

    Chance may be against us once, and not three times in a row.
    """
    kinds = ("known", "unknown", "deactivated")
    for kind in ("known", "deactivated"):
        set_cost(cluster, database, accounts[kind], 4)
    suspicions: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        taken: dict[str, list[float]] = {kind: [] for kind in kinds}
        order = [*kinds] * min(max(CALLS, 60), 200)
        random.shuffle(order)
        for kind in order:
            body = {"email": accounts[kind], "password": "wrong"}
            began = time.perf_counter()
            answer = stranger.post("/v1/auth/login", body)
            taken[kind].append(time.perf_counter() - began)
            assert answer.status_code == 401
        found = {kind: deviation(taken[kind], taken["unknown"]) for kind in kinds}
        suspicions.append(found)
        if all(abs(z) < SIGNIFICANT for z in found.values()):
            return
    pytest.fail(f"log-ins take longer or shorter than those of unknown accounts: {suspicions}")


def deviation(some: list[float], others: list[float]) -> float:
    """How far the two are from being drawn from the same hat (Mann-Whitney), in deviations."""
    n, m = len(some), len(others)
    above = sum((a > b) + (a == b) / 2 for a in some for b in others)
    return (above - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def test_timing_measure_finds_a_difference_only_where_one_exists() -> None:
    chance = random.Random(7)
    some = [chance.lognormvariate(0, 0.3) for _ in range(100)]
    others = [chance.lognormvariate(0, 0.3) for _ in range(100)]
    assert abs(deviation(some, others)) < SIGNIFICANT
    assert abs(deviation([value * 1.3 for value in some], others)) > SIGNIFICANT
    assert deviation(some, some) == 0
