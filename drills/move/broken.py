"""Moves with a step missing: the checker has to find what each of them breaks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import NamedTuple

import psycopg

from scripts.move_clinic import Move

LOST = "acknowledged_writes_are_stored"
ROWS = "select count(*) from app.audit_logs where request_id ~ '^[0-9]+[.][0-9]+$'"
MORE = 10  # changes that clients make in the time that a step would have prevented


class WithoutCatchUp(Move):
    """The switch does not wait until the new server has the last changes."""

    def switch(self) -> None:
        with psycopg.connect(self.target) as held:
            # The new server falls behind, as it may under load.
            held.execute("lock table app.consultations in share mode")
            _wait_for_changes(self)
            self._held = held
            super().switch()

    def catch_up(self) -> None:
        pass

    def advance_sequences(self) -> None:
        self._held.rollback()
        super().advance_sequences()


class WithoutPause(Move):
    """Only the map is changed: the old database stays open, and no request waits."""

    def pause(self) -> None:
        pass

    def close(self) -> None:
        pass

    def stop_following(self) -> None:
        super().stop_following()
        _wait_for_changes(self)


class WithoutPooler(Move):
    """The old database is closed while requests go on."""

    def pause(self) -> None:
        pass


class WithoutSequences(Move):
    """Sequences of the new database stay where the schema began."""

    def advance_sequences(self) -> None:
        pass


class Broken(NamedTuple):
    """A broken move. catches: whether a violation or a fault is the expected one."""

    move: type[Move]
    expected: str
    catches: Callable[[str], bool]


BUILDS = (
    Broken(WithoutCatchUp, "acknowledged writes are lost", lambda found: LOST in found),
    Broken(WithoutPause, "acknowledged writes are lost", lambda found: LOST in found),
    Broken(WithoutPooler, "requests fail", lambda found: "requests answered 503" in found),
    Broken(
        WithoutSequences,
        "numbers are drawn twice",
        lambda found: "requests answered 500" in found or "all_invariants_hold" in found,
    ),
)


def _wait_for_changes(move: Move) -> None:
    """Wait until clients have changed more rows of the old database."""
    with contextlib.closing(psycopg.connect(move.source, autocommit=True)) as connection:
        deadline = time.monotonic() + 60
        before = connection.execute(ROWS).fetchone()
        assert before
        while (now := connection.execute(ROWS).fetchone()) and now[0] < before[0] + MORE:
            assert time.monotonic() < deadline, "the clients change nothing"
            time.sleep(0.02)
