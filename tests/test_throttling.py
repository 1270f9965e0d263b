"""Who fails to log in waits longer and longer; nobody can keep somebody else out."""

from __future__ import annotations

from scripts.server import Cluster
from tests.client import PASSWORD, Client, ok, problem, race
from tests.test_races import statuses


def test_who_fails_again_and_again_waits(stranger: Client, patient: Client) -> None:
    wrong = {"email": patient.email, "password": "not the right password"}
    for _ in range(5):
        problem(stranger.post("/v1/auth/login", wrong), 401, "TM103")
    answer = stranger.post("/v1/auth/login", wrong)
    problem(answer, 429, "TM801")
    assert int(answer.headers["Retry-After"]) >= 1
    # The right password waits as well, or the wait would tell which one it is.
    problem(stranger.post("/v1/auth/login", wrong | {"password": PASSWORD}), 429, "TM801")
    # Who is signed in is not disturbed.
    ok(patient.get("/v1/me"))


def test_an_account_that_does_not_exist_waits_in_the_same_way(stranger: Client) -> None:
    wrong = {"email": "nobody-at-all@clinic.test", "password": "not the right password"}
    answers = [stranger.post("/v1/auth/login", wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


def test_many_guesses_at_once_are_not_more(stranger: Client, patient: Client) -> None:
    wrong = {"email": patient.email, "password": "not the right password"}
    answers = race([lambda: stranger.post("/v1/auth/login", wrong)] * 20)
    told = statuses(answers)
    # Some may hear 503: only so many hash at once, and their guess was not looked at.
    assert set(told) <= {401, 429, 503}
    guesses = told[401]
    while stranger.post("/v1/auth/login", wrong).status_code == 401:
        guesses += 1
    assert guesses == 5


def test_who_has_logged_in_begins_anew(
    cluster: Cluster, database: str, stranger: Client, patient: Client
) -> None:
    wrong = {"email": patient.email, "password": "not the right password"}
    for _ in range(3):
        for _ in range(4):
            problem(stranger.post("/v1/auth/login", wrong), 401, "TM103")
        ok(stranger.post("/v1/auth/login", wrong | {"password": PASSWORD}))


def test_others_cannot_keep_a_user_out(
    cluster: Cluster, database: str, stranger: Client, patient: Client
) -> None:
    # As if a thousand addresses had tried.
    cluster.sql(
        f"""
        update app.log_in_attempts set failures = 1000, last_attempt_at = now()
         where subject = app.log_in_subject('account', '{patient.email}', null)
        """,
        database,
    )
    ok(stranger.post("/v1/auth/login", {"email": patient.email, "password": PASSWORD}))
