"""The short form, without Patroni: a primary is killed under load, and its standby promoted."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.checker import Checker
from drills.clients import Board, Client, at_work, resolve
from drills.history import History
from drills.stage import DATABASE, Clinic, kill
from scripts.cluster import TEMPLATE
from tests.support.pair import Pair, pair_of_servers, wait_until

LOST = "acknowledged_writes_are_stored"
WRITES = 40  # acknowledged before the primary is killed
CLIENTS = 4


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with pair_of_servers() as pair:
        lead = "completion_lead = '1000 years'"
        pair.primary.sql(f"update app.clinic_settings set {lead}", TEMPLATE)
        yield pair


def fail_over(pair: Pair, folder: Path, *, receiving: bool = True) -> dict[str, list[str]]:
    """Kill the primary under load, promote the standby; the violations that the checker finds.

    receiving: whether the standby goes on to receive what the primary writes.
    """
    history = History()
    urls = pair.url(DATABASE, "postgres"), pair.url(DATABASE)
    with contextlib.closing(Clinic(folder, *urls, workers=1, slots=200)) as clinic:
        clinic.ready()
        if not receiving:
            stop_receiver(pair)
        board = Board(clinic, choices=6)
        with at_work([Client(clinic, board, history, f"client {n}") for n in range(CLIENTS)]):
            wait_until(lambda: acknowledged(history) > WRITES)
            kill(pair.primary)
            pair.promote()
            clinic.ready()
            history.first_write(len(history.operations), since=time.monotonic())
        resolve(clinic, history)
        return Checker(clinic, history).violations()


def stop_receiver(pair: Pair) -> None:
    """The standby has everything up to now, and gets nothing more."""
    position = pair.primary.sql("select pg_current_wal_lsn()")
    wait_until(lambda: pair.standby.sql(f"select pg_last_wal_replay_lsn() >= '{position}'") == "t")
    pair.standby.sql("alter system set primary_conninfo = ''")
    pair.standby.sql("select pg_reload_conf()")
    wait_until(lambda: pair.standby.sql("select count(*) from pg_stat_wal_receiver") == "0")


def acknowledged(history: History) -> int:
    operations = list(history.operations)
    return sum(o.key is not None and any(a.ok for a in o.attempts) for o in operations)


def renew(pair: Pair, standbys: str) -> None:
    """A standby that follows, an empty database, and commits that wait for these standbys."""
    pair.restore()
    pair.wait_for_standbys("")
    pair.primary.drop_database(DATABASE)
    pair.primary.create_database(DATABASE, TEMPLATE)
    pair.wait_for_standbys(standbys)


def test_failover_to_a_synchronous_standby_breaks_no_rule(servers: Pair, tmp_path: Path) -> None:
    renew(servers, "*")
    assert fail_over(servers, tmp_path) == {}


def test_writes_that_only_the_killed_primary_had_are_found_to_be_lost(
    servers: Pair, tmp_path: Path
) -> None:
    renew(servers, "")
    assert LOST in fail_over(servers, tmp_path, receiving=False)
