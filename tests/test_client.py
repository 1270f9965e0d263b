"""The tests' own client: it stays logged in for as long as the tests take."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests import client
from tests.client import Client, ok, problem, race

MINUTE = 60


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Move the client's clock forward; the server's stays as it is."""

    def move(minutes: int) -> None:
        clock = SimpleNamespace(time=lambda: time.time() + minutes * MINUTE)
        monkeypatch.setattr(client, "time", clock)

    return move


@pytest.mark.parametrize("caller", ["admin", "doctor", "patient"])
def test_an_access_token_is_renewed_before_it_expires(
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


def test_threads_of_one_client_renew_its_token_once(
    patient: Client, later: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    renew, renewals = Client._renew, []

    def counted(this: Client) -> None:
        renewals.append(this)
        time.sleep(0.1)  # for the others to come, too
        renew(this)
        later(0)

    monkeypatch.setattr(Client, "_renew", counted)
    later(9)
    for answer in race([lambda: patient.get("/v1/me")] * 8):
        ok(answer)
    assert renewals == [patient]


def test_a_session_that_has_ended_stays_ended(
    patient: Client, later: Callable[[int], None]
) -> None:
    assert patient.post("/v1/auth/logout").status_code == 204
    later(9)
    problem(patient.get("/v1/me"), 401, "TM102")


def test_a_token_that_a_test_has_set_is_not_renewed(
    patient: Client, later: Callable[[int], None]
) -> None:
    own = patient.holding(patient.token + "x")
    patient.token = ""
    later(9)
    assert own.token.endswith("x")
    assert patient.token == ""
