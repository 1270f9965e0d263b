"""The HTTP client of the tests: it stays logged in, however long the tests take."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from scripts.server import Cluster
from tests.support import client
from tests.support.client import Client, ok, problem

MINUTE = 60


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Moves the clock of the client forward, and leaves the clock of the server."""

    def move(minutes: int) -> None:
        clock = SimpleNamespace(time=lambda: time.time() + minutes * MINUTE)
        monkeypatch.setattr(client, "time", clock)

    return move


@pytest.mark.parametrize("caller", ["admin", "doctor", "patient"])
def test_access_token_of_a_test_client_is_renewed_before_it_expires(
    caller: str, request: pytest.FixtureRequest, later: Callable[[int], None]
) -> None:
    person: Client = request.getfixturevalue(caller)
    old, session = person.token, person.session_id
    assert person.token == old
    later(9)
    ok(person.get("/v1/me"))
    assert person.token != old
    assert person.token == person.tokens["access_token"]
    assert person.session_id == session


def test_renewal_changes_nothing_in_the_database(
    patient: Client, later: Callable[[int], None], cluster: Cluster, database: str
) -> None:
    tables = """
        select string_agg(r::text, ',' order by r::text) from app.refresh_tokens as r
        union all select string_agg(s::text, ',' order by s::text) from app.sessions as s
    """
    before = cluster.sql(tables, database)
    later(9)
    assert patient.token
    assert cluster.sql(tables, database) == before


def test_ended_session_of_a_test_client_stays_ended(
    patient: Client, later: Callable[[int], None]
) -> None:
    assert patient.post("/v1/auth/logout").status_code == 204
    later(9)
    problem(patient.get("/v1/me"), 401, "TM102")


def test_token_set_by_a_test_is_not_renewed(patient: Client, later: Callable[[int], None]) -> None:
    own = patient.holding(patient.token + "x")
    patient.token = ""
    later(9)
    assert own.token.endswith("x")
    assert patient.token == ""
