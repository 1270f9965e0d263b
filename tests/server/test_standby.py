"""A standby, and the fail-over to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from scripts.cluster import TEMPLATE, THROWAWAY_SETTINGS, throwaway_cluster
from scripts.server import Cluster
from scripts.system import own_directory, server_command, server_user
from tests.support.client import PASSWORD
from tests.support.server import serve, wait_for


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
