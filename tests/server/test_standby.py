"""A standby, and the fail-over to it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import requests

from api import auth
from scripts.cluster import TEMPLATE
from tests.support.client import PASSWORD, at, new_key, settings
from tests.support.clinic import LOGINS, Clinic, open_clinic
from tests.support.exposition import scrape
from tests.support.pair import Pair, pair_of_servers, wait_until
from tests.support.server import Server, serve, wait_for


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    """Two servers that all tests of this module share."""
    with pair_of_servers() as pair:
        pair.primary.sql("update app.clinic_settings set completion_lead = '1000 years'", TEMPLATE)
        yield pair


@pytest.fixture
def pair(servers: Pair) -> Pair:
    """A primary, and a standby that follows it."""
    servers.restore()
    return servers


def sign_up(url: str, name: str) -> requests.Response:
    body = {"email": f"{name}@clinic.test", "password": PASSWORD, "full_name": "Pat Patient"}
    return requests.post(url + "/v1/auth/signup", json=body, timeout=60)


def log_in(url: str, name: str) -> requests.Response:
    body = {"email": f"{name}@clinic.test", "password": PASSWORD}
    return requests.post(url + "/v1/auth/login", json=body, timeout=60)


def withdraw(url: str) -> requests.Response:
    """The answer to a change in a session that no server knows: a refusal that writes nothing."""
    token = auth.issue(settings(), str(uuid4()), "doctor", str(uuid4()))
    headers = {"Authorization": f"Bearer {token}"}
    return requests.delete(f"{url}/v1/slots/{uuid4()}", headers=headers, timeout=60)


def test_standby_is_alive_but_not_ready_until_it_is_promoted(pair: Pair, tmp_path: Path) -> None:
    url = pair.standby.url(TEMPLATE, "telemed_api")
    with serve(url, tmp_path / "log", WEB_CONCURRENCY="1") as server:
        for answer in (
            requests.get(server.url + "/health/ready", timeout=60),
            sign_up(server.url, "early"),
            log_in(server.url, "early"),  # counts attempts
            withdraw(server.url),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "25006")
            assert answer.headers["Retry-After"] == "1"
        assert requests.get(server.url + "/health/live", timeout=60).status_code == 200
        pair.primary.stop()
        pair.promote()
        wait_for(server.url + "/health/ready", 200)
        assert sign_up(server.url, "late").status_code == 201
        assert log_in(server.url, "late").status_code == 200
        assert withdraw(server.url).json()["code"] == "TM102"


def test_api_with_both_servers_in_its_url_finds_the_new_primary(pair: Pair, tmp_path: Path) -> None:
    with serve(pair.url(), tmp_path / "log", WEB_CONCURRENCY="1") as server:
        wait_for(server.url + "/health/ready", 200)
        assert sign_up(server.url, "before").status_code == 201
        pair.primary.stop()
        pair.promote()
        wait_for(server.url + "/health/ready", 200)
        assert sign_up(server.url, "after").status_code == 201
        assert "bug" not in server.output


def test_primary_demoted_in_use_is_left(pair: Pair, tmp_path: Path) -> None:
    with serve(pair.url(), tmp_path / "log", WEB_CONCURRENCY="1") as server:
        wait_for(server.url + "/health/ready", 200)
        assert sign_up(server.url, "loyal").status_code == 201
        former = pair.primary
        pair.promote()
        # The old primary goes on, with read-only transactions. Its connections stay open.
        former.sql("alter system set default_transaction_read_only = on")
        former.sql("select pg_reload_conf()")
        wait_until(lambda: former.sql("show default_transaction_read_only") == "on")
        # No request is lost: the first attempt has changed nothing.
        assert sign_up(server.url, "moved").status_code == 201
        assert "bug" not in server.output
    found = "select count(*) from app.users where email = 'moved@clinic.test'"
    assert pair.primary.sql(found, TEMPLATE) == "1"


# A synchronous standby that has gone away: commits wait for it.

BOOKED = "select count(*) from app.consultations where reason = '{}'"
WAITING = "from pg_stat_activity where usename = 'telemed_api' and wait_event = 'SyncRep'"


@dataclass
class Waiting:
    """An API whose database waits for a standby that is away."""

    pair: Pair
    clinic: Clinic
    server: Server

    def ask(
        self, name: str, method: str, path: str, body: object = None, key: str | None = None
    ) -> requests.Response:
        """The answer to a request of a person."""
        person = self.clinic.people[name]
        token = auth.issue(settings(), person.id, person.role, person.session_id)
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        address = self.server.url + path
        return requests.request(method, address, json=body, headers=headers, timeout=60)

    def book(self, key: str, other: str = "") -> requests.Response:
        """The answer to a booking, whose reason is the key. other: `other_` for other people."""
        body = {"slot_id": self.clinic.ids[f"open slot of {other}doctor"], "reason": key}
        return self.ask(f"{other}patient", "POST", "/v1/consultations", body, key)

    def count(self) -> int:
        """The processes of the database that wait for the standby."""
        return int(self.pair.primary.sql(f"select count(*) {WAITING}"))

    def end_wait(self, function: str) -> None:
        """Wait for one process that waits for the standby, and end its wait by `function`."""
        wait_until(lambda: self.count() > 0)
        self.pair.primary.sql(f"select {function}(pid) {WAITING}")


# The tests above promote a standby; from here on the servers keep their places.
@pytest.fixture(scope="module")
def api(servers: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waiting]:
    """An API in front of the primary."""
    servers.restore()
    log = tmp_path_factory.mktemp("api") / "log"
    with (
        open_clinic(servers.primary, TEMPLATE) as clinic,
        serve(
            servers.primary.url(TEMPLATE, "telemed_api"),
            log,
            WEB_CONCURRENCY="1",
            DATABASE_POOL_SIZE="2",
            DATABASE_ANSWER_TIMEOUT_SECONDS="4",
        ) as server,
    ):
        wait_for(server.url + "/health/ready", 200)
        yield Waiting(servers, clinic, server)
        assert "bug" not in server.output


def test_dba_acts_as_a_user_on_a_standby_where_no_read_goes_unrecorded(api: Waiting) -> None:
    pair, clinic = api.pair, api.clinic
    lsn = pair.primary.sql("select pg_current_wal_lsn()")
    replayed = f"select pg_last_wal_replay_lsn() >= '{lsn}'"
    wait_until(lambda: pair.standby.sql(replayed) == "t")
    consultation = clinic.ids["scheduled of patient"]
    get = "select patient_id::text from api.get_consultation(%s)"
    with psycopg.connect(pair.standby.url(TEMPLATE, LOGINS["dba"])) as dba:
        dba.execute("select ops.act_as(%s)", (clinic.emails["patient"],))
        patient = (clinic.people["patient"].id,)
        assert dba.execute("select id::text from api.my_profile()").fetchone() == patient
        assert dba.execute("select count(*) from api.find_open_slots()").fetchone() != (0,)
        dba.execute("select ops.act_as(%s)", (clinic.emails["doctor"],))
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            dba.execute(get, (consultation,))
    assert f"act_as: {LOGINS['dba']} acts as {patient[0]}" in pair.standby.log.read_text()


@pytest.fixture
def waiting(api: Waiting) -> Iterator[Waiting]:
    """Commits wait for a standby that is stopped."""
    pair = api.pair
    pair.standby.stop()
    pair.wait_for_standbys("*")
    yield api
    pair.wait_for_standbys("")
    pair.restore()


@pytest.mark.parametrize(
    ("function", "other"), [("pg_cancel_backend", ""), ("pg_terminate_backend", "other_")]
)
def test_booking_whose_wait_is_cut_short_is_acknowledged_after_replication_only(
    waiting: Waiting, function: str, other: str
) -> None:
    key = new_key()
    booked = BOOKED.format(key)
    with ThreadPoolExecutor() as pool:
        answer: Future[requests.Response] = pool.submit(waiting.book, key, other)
        waiting.end_wait(function)
        first = answer.result()
    assert first.status_code == 503, first.text
    assert "Idempotency-Key" in first.json()["detail"]
    # It is committed here and nowhere else, and the replay of its key waits for the standby, too.
    assert waiting.pair.primary.sql(booked, TEMPLATE) == "1"
    assert waiting.book(key, other).status_code == 503
    waiting.pair.standby.start()
    wait_until(lambda: waiting.count() == 0)
    replay = waiting.book(key, other)
    assert (replay.status_code, replay.headers["Idempotency-Replayed"]) == (201, "true")
    assert waiting.pair.standby.sql(booked, TEMPLATE) == "1"


def test_write_without_a_key_whose_wait_is_cut_short_has_an_unknown_outcome(
    waiting: Waiting,
) -> None:
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(sign_up, waiting.server.url, "unsure")
        waiting.end_wait("pg_cancel_backend")
        first = answer.result()
    assert (first.status_code, first.json()["code"]) == (503, "08007"), first.text
    assert "unknown" in first.json()["detail"]


def test_wait_cut_short_is_noticed_by_a_server_that_sends_no_warnings(waiting: Waiting) -> None:
    primary = waiting.pair.primary
    primary.sql("alter system set client_min_messages = error")
    primary.sql("select pg_reload_conf()")
    wait_until(lambda: primary.sql("show client_min_messages") == "error")
    try:
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(sign_up, waiting.server.url, "silent")
            waiting.end_wait("pg_cancel_backend")
            first = answer.result()
    finally:
        primary.sql("alter system reset client_min_messages")
        primary.sql("select pg_reload_conf()")
    assert (first.status_code, first.json().get("code")) == (503, "08007"), first.text


# Requests for a change that write nothing: a 404 is not stored under its key, a refusal without a
# key has none, and there is no calendar to revoke. The number of round trips on a server without a
# standby: a 404 is then recorded in the access log.
PAYMENT = {"amount_minor": 100, "currency": "EUR", "method": "card"}
OVERLAP = {
    "starts_at": at(3, 8).isoformat(),
    "ends_at": (at(3, 8) + timedelta(hours=1)).isoformat(),
}
NOTHING_WRITTEN: tuple[tuple[tuple[Any, ...], int, str, int], ...] = (
    (
        ("admin", "POST", f"/v1/consultations/{uuid4()}/payments", PAYMENT, new_key()),
        *(404, "TM403", 2),
    ),
    (("doctor", "POST", "/v1/slots", OVERLAP), 409, "TM902", 1),
    (("doctor", "DELETE", "/v1/me/calendar"), 204, "", 1),
)


def test_answer_to_a_change_that_writes_nothing_waits_for_the_standby(waiting: Waiting) -> None:
    """A primary that was replaced, and does not know it, answers with no refusal."""

    def round_trips() -> float:
        return scrape(waiting.server.url).value("db_round_trip_seconds_count")

    for request, *_ in NOTHING_WRITTEN:
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(waiting.ask, *request)
            waiting.end_wait("pg_cancel_backend")
            found = answer.result()
        assert (found.status_code, found.json()["code"]) == (503, "08007"), request
        assert found.headers["Retry-After"] == "1"
    assert waiting.ask("doctor", "GET", "/v1/me").status_code == 200  # a read does not wait
    waiting.pair.standby.start()
    wait_until(lambda: waiting.count() == 0)
    for more in (True, False):
        for request, status, code, least in NOTHING_WRITTEN:
            before = round_trips()
            found = waiting.ask(*request)
            assert found.status_code == status, found.text
            assert not code or found.json()["code"] == code
            # A refusal was rolled back, so another transaction waits. A success waits itself.
            assert round_trips() - before == least + (more and status >= 400), request
        waiting.pair.wait_for_standbys("")


def test_requests_that_wait_for_a_standby_leave_no_process_and_no_connection_behind(
    waiting: Waiting,
) -> None:
    (refused, *_), *_ = NOTHING_WRITTEN
    for _ in range(2):  # the API has two connections
        assert waiting.book(new_key()).status_code in (409, 503)
        found = waiting.ask(*refused)
        assert (found.status_code, found.json()["code"]) == (503, "08000"), found.text
        assert "same Idempotency-Key" in found.json()["detail"]
    wait_until(lambda: waiting.count() == 0)
    assert waiting.ask("doctor", "GET", "/v1/me").status_code == 200
