"""Failed log-ins do not reveal accounts: same answer, same work, same time."""

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

COST = 6  # of the application under test; accounts of the shared server have 4
CALLS = int(os.environ.get("ATTACK_CALLS", "0"))
ROUNDS = 3
SIGNIFICANT = 4.0  # standard deviations; by chance once in 15,000 times

UNKNOWN = {
    "unknown": "nobody@clinic.test",
    "unknown and long": "x" * 242 + "@clinic.test",
    "unknown, not ASCII": "ünknöwn🙂'or'true--@clinic.test",
}


@pytest.fixture(scope="module")
def accounts(
    cluster: Cluster,
    database: str,
    new_patient: Callable[..., Client],
    new_doctor: Callable[..., Client],
) -> dict[str, str]:
    """E-mail addresses of every kind of account, and of unknown ones."""
    patient, deactivated, admin = new_patient(), new_patient(), "slow.admin@clinic.test"
    values = f"'{admin}', '{hash_password(PASSWORD, 4)}', 'Chief'"
    cluster.sql(f"select ops.create_admin({values})", database)
    cluster.sql(
        f"update app.users set deactivated_at = now() where id = '{deactivated.id}'", database
    )
    return UNKNOWN | {
        "known": patient.email,
        "known, in capitals": patient.email.upper(),
        "a doctor": new_doctor().email,
        "an admin": admin,
        "deactivated": deactivated.email,
    }


@pytest.fixture(scope="module")
def app(cluster: Cluster, database: str) -> Iterator[Flask]:
    """The application in this process, where the tests can record its work."""
    url = cluster.url(database, "telemed_api")
    settings = config.load(environment(url, BCRYPT_COST=str(COST), DATABASE_POOL_SIZE="1"))
    with patch.object(logs, "configure"):  # this process logs for all tests
        app = create_app(settings)
    db.open_pool(settings)
    with capture_logs():
        yield app
    db.close_pool()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """Records each hash with its cost and length, and each statement."""
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
    """Give an account a hash with this BCRYPT_COST."""
    hashed = hash_password(PASSWORD, cost)
    where = f"lower(email) = lower('{email}')"
    cluster.sql(f"update app.users set password_hash = '{hashed}' where {where}", database)


def refused(stranger: Client, email: str, password: str) -> tuple[object, ...]:
    """The answer to a failed log-in, without the parts that change with each request."""
    answer = stranger.post("/v1/auth/login", {"email": email, "password": password})
    body = problem(answer, 401, "TM103")
    assert body.pop("request_id") == answer.headers["X-Request-Id"]
    changing = ("Date", "X-Request-Id", "RateLimit-Remaining", "RateLimit-Reset")
    headers = {n: v for n, v in answer.headers.items() if n not in changing}
    return answer.status_code, answer.reason, body, headers


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
    for case, (steps, written) in done.items():
        assert [step for step, _ in steps] == statements, case
        assert steps[1] == hashed, case
        assert (steps, written) == done["unknown", "wrong"], case


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
    """The number of rows in all tables together."""
    count = "query_to_xml(format('select count(*) as n from app.%I', tablename), true, true, '')"
    statement = f"""
        select sum((xpath('/row/n/text()', {count}))[1]::text::bigint)
        from pg_tables where schemaname = 'app'
    """
    return int(cluster.sql(statement, database))


@pytest.mark.skipif(not CALLS, reason="runs with ATTACK_CALLS, the number of log-ins of each kind")
def test_log_in_time_reveals_no_account(
    stranger: Client, accounts: dict[str, str], cluster: Cluster, database: str
) -> None:
    """Known, unknown and deactivated accounts in random order, so that load affects all alike.

    A difference by chance is possible once, but not three times in a row.
    """
    kinds = ("known", "unknown", "deactivated")
    for kind in ("known", "deactivated"):
        set_cost(cluster, database, accounts[kind], 4)
    differences: list[dict[str, float]] = []
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
        differences.append(found)
        if all(abs(z) < SIGNIFICANT for z in found.values()):
            return
    pytest.fail(f"log-ins take longer or shorter than those of unknown accounts: {differences}")


def deviation(some: list[float], others: list[float]) -> float:
    """The Mann-Whitney statistic of two samples, in standard deviations."""
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
