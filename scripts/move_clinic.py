"""`python -m scripts.move_clinic CLINIC`: move the database of a clinic to another server.

CLINIC is the name of the database in the map of PgBouncer. Clients go on: their requests wait for
the length of the switch. Nothing has changed if the command fails before its last step.

The rows are copied by logical replication, and the other server follows. For the switch PgBouncer
pauses the clinic, the old database is closed for everybody, the new one gets the last changes, the
map is changed, and PgBouncer goes on there. The old database stays, closed. docs/scaling.md says
what both servers need, and what to do if the command was killed (`--go-back`).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from scripts.pgbouncer import Map, Place, Tell, console
from scripts.replication import ask, connect, copy_schema, follow, wait_for
from scripts.system import CommandError, command_line, run, say

# A deployment takes the same lock. It needs no snapshot, so vacuum goes on.
LOCK = "lock table sqitch.changes in share row exclusive mode"
REQUIRED = """
select case
    when not (select rolsuper from pg_roles where rolname = current_user) then
        'the login must be a superuser'
    when %(is_source)s and current_setting('wal_level') <> 'logical' then
        'wal_level must be logical, which takes a restart'
    when %(is_source)s and exists (select from pg_largeobject_metadata) then
        'the database has large objects, which cannot be replicated'
    when not %(is_source)s and exists (select from pg_database where datname = %(name)s) then
        'the database exists there already: drop it, if it is from an earlier attempt'
end
"""
# The comment on a copy that nobody uses yet.
UNFINISHED = "an unfinished copy of python -m scripts.move_clinic"
DESCRIPTION = """
select shobj_description(oid, 'pg_database') = %(comment)s from pg_database where datname = %(name)s
"""
# Bytes that the other server may be behind when the pause begins.
NEAR_BYTES = 1_000_000
BEHIND = """
select coalesce(min(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 'infinity') < %(near)s
  from pg_stat_replication where application_name = %(slot)s
"""
# A session that has begun to start holds the lock until it is listed.
STARTING = """
select exists (select from pg_locks as l join pg_database as d on d.oid = l.objid
                where l.classid = 'pg_database'::regclass and d.datname = %(name)s
                  and l.pid <> pg_backend_pid())
"""
SESSIONS = """
  from pg_stat_activity
 where datname = %(name)s and backend_type = 'client backend' and pid <> %(own)s
"""


class Move:
    """The steps of a move, in their order; `run` takes all of them."""

    def __init__(
        self,
        clinic: str,
        source: str,
        target: str,
        *,
        poolers: Sequence[str],
        maps: Sequence[Path],
        longest_pause: float = 3,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """source, target: connection strings of superusers, to databases of one name.

        poolers: connection strings of the admin console of each PgBouncer. longest_pause: seconds
        after which the switch is given up. environment: for pg_dump and the like.
        """
        self.clinic = clinic
        self.source, self.target = source, target
        self.old, self.new = Place.of(source), Place.of(target)
        self.poolers = poolers
        self.maps = [Map(file, clinic) for file in maps]
        self.longest_pause = longest_pause
        self.environment = environment
        self.slot = "telemed_move_" + re.sub(r"\W", "_", self.old.database)[:40]
        self.sequences = 0  # that the switch had to move
        self.paused_at = self.resumed_at = 0.0  # monotonic clock
        self._ends = 0.0
        self._copying = self._closed = self._moved = False
        self._is_ours = False  # the database on the other server: it was not there before

    def run(self) -> None:
        """Move the clinic. Raises CommandError or psycopg.Error, and then has changed nothing."""
        self.require()
        with contextlib.closing(connect(self.source)) as self._inside:
            try:
                with self._inside.transaction():  # no deployment changes the schema meanwhile
                    ask(self._inside, "set local idle_in_transaction_session_timeout = 0")
                    ask(self._inside, LOCK)
                    self.copy()
                    self.switch()
            except BaseException:
                if not self._moved:
                    self.go_back()
                raise
            what = f"drop the slot and the publication {self.slot} at {self.old.host}"
            self._try(what, self.clean_up)

    def require(self) -> None:
        """Raise CommandError if the move cannot succeed."""
        if self.old.database != self.new.database or self.old == self.new:
            raise CommandError("both servers need a database of the same name")
        for map_ in self.maps:
            if map_.place != self.old:
                raise CommandError(f"{map_.file} leads to {map_.place}, not to {self.old}")
        for pooler in self.poolers:
            self._require_place(pooler, self.old)
        for server, name in ((self.source, ""), (self.target, "postgres")):
            with connect(server, name) as connection:
                values = {"is_source": server == self.source, "name": self.new.database}
                row = connection.execute(REQUIRED, values).fetchone()
                if row and row[0]:
                    raise CommandError(f"{Place.of(server).host}: {row[0]}")

    def copy(self) -> None:
        """The other server has all rows, statistics for the planner, and follows."""
        began = time.monotonic()
        self._copying = self._is_ours = True
        copy_schema(self.source, self.target, self.environment)
        self._mark(UNFINISHED)
        follow(self.source, self.target, self.slot, copy=True)
        # Replication brings none, and the first plans would be guesses.
        analyze = ("vacuumdb", "--analyze-only", "--quiet", f"--dbname={self.target}")
        run(analyze, self.environment)
        say(f"move: {self.clinic} is copied ({time.monotonic() - began:.1f} s)")

    def switch(self) -> None:
        """The pause: from the first PAUSE to the last RESUME."""
        self._wait(self.source, BEHIND, "the other server does not follow", 3600)
        self.paused_at = time.monotonic()
        self._ends = self.paused_at + self.longest_pause
        self.pause()
        self.close()
        self.catch_up()
        self.stop_following()
        self.advance_sequences()
        self.change_maps()
        self.resume()
        self.resumed_at = time.monotonic()

    def pause(self) -> None:
        """Requests wait in PgBouncer; those at work have ended."""
        for pooler in self.poolers:
            with console(pooler) as tell:
                tell(f'PAUSE "{self.clinic}"', self._left())

    def close(self) -> None:
        """Nobody writes to the old database any more, by whatever way: no pooler, no worker."""
        values = {"name": self.old.database, "own": self._inside.info.backend_pid}
        with connect(self.source, dbname="postgres") as server:
            self._closed = True
            self._allow_connections(server, allow=False)
            while server.execute(STARTING, values).fetchone() == (True,):
                self._pause_goes_on("a session of the old database does not start")
            server.execute(f"select pg_terminate_backend(pid) {SESSIONS}", values)
            while server.execute(f"select count(*) {SESSIONS}", values).fetchone() != (0,):
                self._pause_goes_on("a session of the old database does not end")

    def catch_up(self) -> None:
        """The other server has every change."""
        with connect(self.source, dbname="postgres") as server, connect(self.target) as there:
            # After this commit every earlier one is on the disk: with synchronous_commit = off the
            # last ones may still be in memory.
            _commit(server)
            position = ask(server, "select pg_current_wal_flush_lsn()::text")
            reached = "select replay_lsn >= %s from pg_stat_replication where application_name = %s"
            while server.execute(reached, (position, self.slot)).fetchone() != (True,):
                self._pause_goes_on("the other server does not catch up")
                # It reports a change when that is on its disk, and with the next message that it
                # gets. Both would take some tenths of a second.
                _commit(there)
                _commit(server)

    def stop_following(self) -> None:
        """Without the source, which is closed: `clean_up` drops the slot."""
        name = sql.Identifier(self.slot)
        with connect(self.target) as there:
            for change in (
                "alter subscription {} disable",
                "alter subscription {} set (slot_name = none)",
                "drop subscription {}",
            ):
                ask(there, sql.SQL(change).format(name))

    def advance_sequences(self) -> None:
        """Replication brings rows and not sequences. This commit also brings all rows to disk."""
        with connect(self.target) as there:
            ask(there, "set synchronous_commit = on")
            self.sequences = ask(there, "select count(*) from ops.advance_sequences()")

    def change_maps(self) -> None:
        """Each PgBouncer knows the new place."""
        for map_ in self.maps:
            map_.lead_to(self.new)
        for pooler in self.poolers:
            with console(pooler) as tell:
                tell("RELOAD", self._left())
            self._require_place(pooler, self.new)

    def resume(self) -> None:
        """From now on there is no way back: clients write to the new place."""
        self._mark("")
        self._pause_goes_on("the switch took too long")
        self._moved = True
        for pooler in self.poolers:
            self._try("RELOAD and RESUME in PgBouncer", partial(self._resume, pooler, self.new))

    def clean_up(self) -> None:
        """Drop the slot, which would keep WAL on the old server for ever, and the publication."""
        released = f"select not active from pg_replication_slots where slot_name = '{self.slot}'"
        wait_for(self._inside, released, "the slot is in use")
        ask(self._inside, f"select pg_drop_replication_slot('{self.slot}')")
        ask(self._inside, sql.SQL("drop publication {}").format(sql.Identifier(self.slot)))

    def take_back(self) -> None:
        """`go_back` after a command that was killed. Raises CommandError if it had moved."""
        for pooler in self.poolers:
            with console(pooler) as tell:
                if any(Place.shown(r) == self.new and r["paused"] == "0" for r in self._rows(tell)):
                    raise CommandError(
                        f"{self.clinic} has moved already: RESUME it in every PgBouncer; drop the"
                        f" slot and the publication {self.slot} at {self.old.host}"
                    )
        self.paused_at = time.monotonic()
        self._copying = self._closed = True
        self.go_back()

    def go_back(self) -> None:
        """Everything is as it was, and the copy is gone. Says what could not be done."""
        done = True
        if self._closed:
            done &= self._try("open the old database again", self._open)
            for map_ in self.maps:
                done &= self._try(f"restore {map_.file}", partial(map_.lead_to, self.old))
        if self.paused_at:
            for pooler in self.poolers:
                what = "RELOAD and RESUME in PgBouncer"
                done &= self._try(what, partial(self._resume, pooler, self.old))
        if self._copying and not done:
            say(f"move: the copy at {self.new.host} stays: drop it when no PgBouncer leads there")
        elif self._copying:
            self._try("drop the copy", self._drop_copy)
            self._try("drop the slot and the publication", self._drop_source)

    def _open(self) -> None:
        with connect(self.source, dbname="postgres") as server:
            self._allow_connections(server, allow=True)

    def _resume(self, pooler: str, place: Place) -> None:
        """Requests go on there, and nowhere else."""
        with console(pooler) as tell:
            tell("RELOAD", 10)
            self._require_place(pooler, place)
            if any(row["paused"] == "1" for row in self._rows(tell)):  # else it is an error
                tell(f'RESUME "{self.clinic}"', 10)

    def _drop_copy(self) -> None:
        name = sql.Identifier(self.slot)
        with connect(self.target, dbname="postgres") as server:
            values = {"name": self.new.database, "comment": UNFINISHED}
            row = server.execute(DESCRIPTION, values).fetchone()
            if not row:
                return
            if not self._is_ours and row != (True,):
                raise CommandError(f"{self.new} is not an unfinished copy")
            with connect(self.target) as there:
                query = "select exists (select from pg_subscription where subname = %s)"
                if there.execute(query, (self.slot,)).fetchone() == (True,):
                    for change in ("disable", "set (slot_name = none)"):
                        ask(there, sql.SQL(f"alter subscription {{}} {change}").format(name))
                    ask(there, sql.SQL("drop subscription {}").format(name))
            drop = sql.SQL("drop database {} with (force)")
            ask(server, drop.format(sql.Identifier(self.new.database)))

    def _drop_source(self) -> None:
        with connect(self.source) as server:
            slots = f"from pg_replication_slots where slot_name = '{self.slot}'"
            wait_for(server, f"select not exists (select {slots} and active)", "a slot is in use")
            server.execute(f"select pg_drop_replication_slot(slot_name) {slots}".encode())
            drop = sql.SQL("drop publication if exists {}")
            ask(server, drop.format(sql.Identifier(self.slot)))

    def _mark(self, comment: str) -> None:
        with connect(self.target) as there:
            change = sql.SQL("comment on database {} is {}")
            ask(there, change.format(sql.Identifier(self.new.database), comment or None))

    def _allow_connections(self, server: psycopg.Connection, *, allow: bool) -> None:
        change = sql.SQL(f"alter database {{}} allow_connections {str(allow).lower()}")
        ask(server, change.format(sql.Identifier(self.old.database)))

    def _require_place(self, pooler: str, place: Place) -> None:
        with console(pooler) as tell:
            found = [Place.shown(row) for row in self._rows(tell)]
        if found != [place]:
            raise CommandError(f"PgBouncer leads {self.clinic} to {found}, not to {place}")

    def _rows(self, tell: Tell) -> list[dict[str, Any]]:
        return [row for row in tell("SHOW DATABASES", 10) if row["name"] == self.clinic]

    def _wait(self, server: str, question: str, otherwise: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        values = {"near": NEAR_BYTES, "slot": self.slot}
        with connect(server, dbname="postgres") as connection:
            while connection.execute(question.encode(), values).fetchone() != (True,):
                if time.monotonic() > deadline:
                    raise CommandError(f"{otherwise} ({seconds:.0f} s)")
                time.sleep(0.1)

    def _left(self) -> float:
        return max(0.0, self._ends - time.monotonic())

    def _pause_goes_on(self, otherwise: str) -> None:
        if not self._left():
            raise CommandError(f"{otherwise} within {self.longest_pause:g} s: nothing has moved")
        time.sleep(0.005)

    @staticmethod
    def _try(what: str, step: Callable[[], None]) -> bool:
        """Whether it succeeded."""
        try:
            step()
        except (psycopg.Error, CommandError, OSError) as error:
            say(f"move: not done, do it by hand: {what}: {str(error).strip()}")
            return False
        return True


def _commit(server: psycopg.Connection) -> None:
    """A commit that waits for the disk."""
    ask(server, "set synchronous_commit = on")
    ask(server, "select pg_logical_emit_message(true, 'telemed_move', '')")


def main() -> None:
    parser = argparse.ArgumentParser(prog="move", description=__doc__)
    parser.add_argument("clinic", help="the name of the database in the map of PgBouncer")
    for name, text in (("from", "the old"), ("to", "the new")):
        parser.add_argument(
            f"--{name}", required=True, metavar="URL", help=f"{text} database, as a superuser"
        )
    parser.add_argument(
        *("--pooler", "-p"),
        action="append",
        required=True,
        metavar="URL",
        help="the admin console of a PgBouncer, such as postgresql://admin@pooler:6432/pgbouncer",
    )
    parser.add_argument(
        *("--map", "-m"),
        action="append",
        required=True,
        metavar="FILE",
        type=Path,
        help="a file with the map of databases of these PgBouncers",
    )
    parser.add_argument(
        "--longest-pause", type=float, default=3, metavar="SECONDS", help="3 by default"
    )
    parser.add_argument(
        "--go-back", action="store_true", help="undo what a command that was killed has left"
    )
    given = parser.parse_args()
    try:
        move = Move(
            given.clinic,
            getattr(given, "from"),
            given.to,
            poolers=given.pooler,
            maps=given.map,
            longest_pause=given.longest_pause,
        )
        if given.go_back:
            move.take_back()
            return
        move.run()
    except (psycopg.Error, OSError) as error:
        raise CommandError(str(error).strip()) from None
    pause = move.resumed_at - move.paused_at
    say(f"move: {given.clinic} is at {move.new.host}; its requests waited for {pause:.2f} s")
    say(f"move: the database at {move.old.host} accepts no connections; drop it when you are sure")


if __name__ == "__main__":
    command_line("move", main)
