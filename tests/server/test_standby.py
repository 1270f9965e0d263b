"""A standby, and the fail-over to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from api import auth
from scripts.cluster import TEMPLATE, THROWAWAY_SETTINGS, throwaway_cluster
from scripts.server import Cluster
from scripts.system import own_directory, server_command, server_user
from tests.support.client import PASSWORD, new_key, settings
from tests.support.clinic import Clinic, open_clinic
from tests.support.server import Server, serve, wait_for


@dataclass
class Pair:
    """A primary and its standby."""

    primary: Cluster
    standby: Cluster

    def promote(self) -> None:
        """Stop the primary, and promote the standby."""
        self.primary.stop()
        server_command(
            self.standby.binaries / "pg_ctl", "promote", "-s", "-w", "-D", str(self.standby.data)
        )


@pytest.fixture
def pair(cluster: Cluster) -> Iterator[Pair]:
    """Two copies of the cluster that most tests share. That cluster does not change."""
    with throwaway_cluster() as empty:
        # In the folder of the empty cluster, which is deleted at the end.
        primary = Cluster(empty.base / "primary", THROWAWAY_SETTINGS)
        standby = Cluster(empty.base / "standby", THROWAWAY_SETTINGS)
        try:
            copy(cluster, primary)
            copy(primary, standby, "--write-recovery-conf")
            yield Pair(primary, standby)
        finally:
            standby.stop()
            primary.stop()


def copy(source: Cluster, target: Cluster, *options: str) -> None:
    own_directory(target.base, server_user())
    server_command(
        source.binaries / "pg_basebackup",
        *("-h", str(source.socket), "-p", "5432", "-U", "postgres", "-D", str(target.data)),
        *("--checkpoint=fast", "--no-sync", *options),
    )
    target.start()


def sign_up(url: str, name: str) -> requests.Response:
    body = {"email": f"{name}@clinic.test", "password": PASSWORD, "full_name": "Pat Patient"}
    return requests.post(url + "/v1/auth/signup", json=body, timeout=60)


def log_in(url: str, name: str) -> requests.Response:
    body = {"email": f"{name}@clinic.test", "password": PASSWORD}
    return requests.post(url + "/v1/auth/login", json=body, timeout=60)


def test_standby_is_alive_but_not_ready_until_it_is_promoted(pair: Pair, tmp_path: Path) -> None:
    url = pair.standby.url(TEMPLATE, "telemed_api")
    with serve(url, tmp_path / "log", WEB_CONCURRENCY="1") as server:
        for answer in (
            requests.get(server.url + "/health/ready", timeout=60),
            sign_up(server.url, "early"),
            log_in(server.url, "early"),  # counts attempts
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "25006")
            assert answer.headers["Retry-After"] == "1"
        assert requests.get(server.url + "/health/live", timeout=60).status_code == 200
        pair.promote()
        wait_for(server.url + "/health/ready", 200)
        assert sign_up(server.url, "late").status_code == 201
        assert log_in(server.url, "late").status_code == 200


def test_api_with_both_servers_in_its_url_finds_the_new_primary(pair: Pair, tmp_path: Path) -> None:
    hosts = ",".join(str(c.socket) for c in (pair.standby, pair.primary))
    url = (
        f"postgresql://telemed_api@/{TEMPLATE}?host={hosts}&port=5432"
        "&target_session_attrs=read-write"
    )
    with serve(url, tmp_path / "log", WEB_CONCURRENCY="1") as server:
        wait_for(server.url + "/health/ready", 200)
        assert sign_up(server.url, "before").status_code == 201
        pair.promote()
        wait_for(server.url + "/health/ready", 200)
        assert sign_up(server.url, "after").status_code == 201
        assert "bug" not in server.output


def test_primary_demoted_in_use_is_left(pair: Pair, tmp_path: Path) -> None:
    hosts = ",".join(str(c.socket) for c in (pair.primary, pair.standby))
    url = (
        f"postgresql://telemed_api@/{TEMPLATE}?host={hosts}&port=5432"
        "&target_session_attrs=read-write"
    )
    with serve(url, tmp_path / "log", WEB_CONCURRENCY="1") as server:
        wait_for(server.url + "/health/ready", 200)
        assert sign_up(server.url, "before").status_code == 201
        server_command(
            pair.standby.binaries / "pg_ctl", "promote", "-s", "-w", "-D", str(pair.standby.data)
        )
        # The old primary goes on, with read-only transactions. Its connections stay open.
        pair.primary.sql("alter system set default_transaction_read_only = on")
        pair.primary.sql("select pg_reload_conf()")
        wait_until_read_only(pair.primary)
        # No request is lost: the first attempt has changed nothing.
        assert sign_up(server.url, "after").status_code == 201
        assert "bug" not in server.output
    found = "select count(*) from app.users where email = 'after@clinic.test'"
    assert pair.standby.sql(found, TEMPLATE) == "1"


def wait_until_read_only(cluster: Cluster) -> None:
    while cluster.sql("show default_transaction_read_only") != "on":
        time.sleep(0.01)


# A synchronous standby that has gone away: commits wait for it.

BOOKINGS = "select count(*) from app.consultations where reason = 'of this test'"
WAITING = "from pg_stat_activity where usename = 'telemed_api' and wait_event = 'SyncRep'"


@dataclass
class Waiting:
    """An API whose database waits for a standby that is away."""

    pair: Pair
    clinic: Clinic
    server: Server

    def book(self, key: str, slot: str = "open slot of doctor") -> requests.Response:
        """The answer to a booking."""
        patient = self.clinic.people["patient"]
        token = auth.issue(settings(), patient.id, patient.role, patient.session_id)
        return requests.post(
            self.server.url + "/v1/consultations",
            json={"slot_id": self.clinic.ids[slot], "reason": "of this test"},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
            timeout=60,
        )

    def count(self) -> int:
        """The processes of the database that wait for the standby."""
        return int(self.pair.primary.sql(f"select count(*) {WAITING}"))

    def end_wait(self, function: str) -> None:
        """Wait for one process that waits for the standby, and end its wait by `function`."""
        wait_until(lambda: self.count() > 0)
        self.pair.primary.sql(f"select {function}(pid) {WAITING}")


@pytest.fixture
def waiting(pair: Pair, tmp_path: Path) -> Iterator[Waiting]:
    url = pair.primary.url(TEMPLATE, "telemed_api")
    pair.primary.sql("update app.clinic_settings set completion_lead = '1000 years'", TEMPLATE)
    with (
        open_clinic(pair.primary, TEMPLATE) as clinic,
        serve(
            url,
            tmp_path / "log",
            WEB_CONCURRENCY="1",
            DATABASE_POOL_SIZE="2",
            DATABASE_ANSWER_TIMEOUT_SECONDS="4",
        ) as server,
    ):
        wait_for(server.url + "/health/ready", 200)
        pair.standby.stop()
        pair.primary.sql("alter system set synchronous_commit = on")
        pair.primary.sql("alter system set synchronous_standby_names = '*'")
        pair.primary.sql("select pg_reload_conf()")
        wait_until(lambda: pair.primary.sql("show synchronous_standby_names") == "*")
        yield Waiting(pair, clinic, server)
        assert "bug" not in server.output


@pytest.mark.parametrize("function", ["pg_cancel_backend", "pg_terminate_backend"])
def test_booking_whose_wait_is_cut_short_is_acknowledged_after_replication_only(
    waiting: Waiting, function: str
) -> None:
    key = new_key()
    with ThreadPoolExecutor() as pool:
        answer: Future[requests.Response] = pool.submit(waiting.book, key)
        waiting.end_wait(function)
        first = answer.result()
    assert first.status_code == 503, first.text
    assert "Idempotency-Key" in first.json()["detail"]
    # It is committed here and nowhere else, and the replay of its key waits for the standby, too.
    assert waiting.pair.primary.sql(BOOKINGS, TEMPLATE) == "1"
    assert waiting.book(key).status_code == 503
    waiting.pair.standby.start()
    wait_until(lambda: waiting.count() == 0)
    replay = waiting.book(key)
    assert (replay.status_code, replay.headers["Idempotency-Replayed"]) == (201, "true")
    assert waiting.pair.standby.sql(BOOKINGS, TEMPLATE) == "1"


def test_write_without_a_key_whose_wait_is_cut_short_has_an_unknown_outcome(
    waiting: Waiting,
) -> None:
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(sign_up, waiting.server.url, "unsure")
        waiting.end_wait("pg_cancel_backend")
        first = answer.result()
    assert (first.status_code, first.json()["code"]) == (503, "08007"), first.text
    assert "unknown" in first.json()["detail"]


def test_requests_that_wait_for_a_standby_leave_no_process_behind(waiting: Waiting) -> None:
    for _ in range(4):
        assert waiting.book(new_key()).status_code in (409, 503)
    wait_until(lambda: waiting.count() == 0)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.02)
