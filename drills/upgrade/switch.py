"""Logical replication to a server of a newer version, and a switch to it while clients go on.

PgBouncer is in front of both servers and holds the requests while the switch lasts, so that none
fails. Before the switch the new server is read-only for the API, afterwards the old one is: who
does not come through PgBouncer cannot write to the wrong one.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drills.checker import DIGESTS, Checker
from drills.clients import Board, Client, at_work, resolve
from drills.history import History
from drills.stage import DATABASE, Clinic
from drills.upgrade.in_place import CLIENTS, PAUSE_SECONDS, problems
from scripts import replication
from scripts.cluster import TEMPLATE
from scripts.pgbouncer import Map, Place, console
from scripts.replication import copy_schema, follow
from scripts.server import Cluster
from scripts.system import run
from tests.support.pooler import Pooler

SETTINGS = {"wal_level": "logical"}
NAME = "telemed_upgrade"  # of the publication, the subscription and the slot
LOGINS = ("telemed_api", "telemed_worker")
SESSIONS_AT_WORK = (
    f"count(*) from pg_stat_activity where datname = '{DATABASE}' and usename ^@ 'telemed_'"
    " and state = 'active'"
)
SESSIONS = f"from pg_stat_activity where datname = '{DATABASE}' and usename ^@ 'telemed_'"


@dataclass
class Switches:
    """Switches between two servers, and what they broke. Times in seconds."""

    copied: float  # from the dump of the schema until all rows were there
    pauses: list[float]  # the longest time without an acknowledged write, at each switch
    operations: int
    failed: int  # requests without an answer, or with one of 5xx
    answers: Counter[str]
    violations: dict[str, list[str]]
    moved: list[int]  # sequences that each switch had to move
    faults: list[str]


def switch_and_back(
    old: Cluster,
    new: Cluster,
    folder: Path,
    *,
    rounds: int,
    seconds: float,
    seed: str,
    thorough: bool = True,
) -> Switches:
    """Copy `old` to `new` under load, then switch to it, back, and to it again.

    old: has TEMPLATE; both: run, with SETTINGS. rounds: switches there and back before the last
    one. seconds: how long the clients are at work before each switch. thorough:
    analyze the copy and run `sqitch verify`, too.
    """
    old.create_database(DATABASE, TEMPLATE)
    place = {DATABASE: f"host={old.socket} port=5432 dbname={DATABASE}"}
    history, seals, switched, moved = (
        History(),
        list[Any](),
        list[tuple[float, float]](),
        list[int](),
    )
    with (
        Pooler(old, databases=place, size=CLIENTS) as pooler,
        contextlib.closing(
            Clinic(folder, old.url(DATABASE), pooler.url(DATABASE), slots=2000)
        ) as clinic,
    ):
        clinic.ready()
        board = Board(clinic, choices=6)
        clients = [
            Client(clinic, board, history, f"{seed}/client {n}", pause=PAUSE_SECONDS)
            for n in range(CLIENTS)
        ]
        with at_work(clients):
            began = time.monotonic()
            copy_schema(old.url(DATABASE), new.url(DATABASE), new.environment("postgres"))
            close(new)
            follow(old.url(DATABASE), new.url(DATABASE), NAME, copy=True)
            if thorough:
                analyze = ("vacuumdb", "--analyze-only", "--quiet", DATABASE)
                run(analyze, new.environment("postgres"))
            copied = time.monotonic() - began
            source, target = old, new
            for _ in range(2 * rounds + 1):
                time.sleep(seconds)
                closed = time.monotonic()
                moved.append(switch(source, target, pooler))
                opened, begun = time.monotonic(), len(history.operations)
                history.first_write(begun, since=opened)
                switched.append((closed, opened))
                source, target = target, source
                clinic.superuser_url = source.url(DATABASE)
                seals += clinic.seal()
            history.quiet_since = time.monotonic()
            time.sleep(seconds)
        resolve(clinic, history)
        checker = Checker(clinic, history)
        faults = clinic.audit_problems(seals) + difference(source, target)
    if thorough:
        faults += problems(source)
    return Switches(
        copied=copied,
        pauses=[history.longest_pause(*times) for times in switched],
        operations=len(history.operations),
        failed=sum(a.status == 0 or a.status >= 500 for _, a in history.attempts()),
        answers=Counter(
            f"{a.status} {a.code}".strip() if a.status else "no answer"
            for _, a in history.attempts()
        ),
        violations=checker.violations(),
        moved=moved,
        faults=faults,
    )


def switch(source: Cluster, target: Cluster, pooler: Pooler) -> int:
    """Close `source`, wait until `target` has everything, open it; `source` follows it.

    Requests wait in PgBouncer. Returns the number of sequences that were behind.
    """
    with console(pooler.console) as tell:
        tell(f'PAUSE "{DATABASE}"', 10)
        moved = replace(source, target)
        Map(pooler.map, DATABASE).lead_to(Place.of(target.url(DATABASE)))
        tell("RELOAD", 10)
        tell(f'RESUME "{DATABASE}"', 10)
    return moved


def replace(source: Cluster, target: Cluster) -> int:
    """`target` takes the place of `source`; the number of sequences that were behind."""
    close(source)
    # Sessions take the change with their next statement. One that is at work may end; the others
    # would write on.
    set_read_only(source, "on")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and ask(source, f"select {SESSIONS_AT_WORK}"):
        time.sleep(0.02)
    ask(source, f"select pg_terminate_backend(pid) {SESSIONS}")
    wait_for(source, f"select count(*) = 0 {SESSIONS} and backend_xid is not null", "it writes on")
    position = ask(source, "select pg_current_wal_lsn()::text")
    wait_for(
        source,
        f"select replay_lsn >= '{position}' from pg_stat_replication"
        f" where application_name = '{NAME}'",
        "the other server does not follow",
    )
    ask(target, f"drop subscription {NAME}")
    moved = ask(target, "select count(*) from ops.advance_sequences()")
    # The way back. Only the logins of the product stay closed: changes are applied.
    set_read_only(source, "off")
    follow(target.url(DATABASE), source.url(DATABASE), NAME, copy=False)
    for login in LOGINS:
        setting = "default_transaction_read_only"
        ask(target, f"alter role {login} in database {DATABASE} reset {setting}")
    return int(moved)


def close(cluster: Cluster) -> None:
    """New sessions of the product are read-only."""
    for login in LOGINS:
        setting = "default_transaction_read_only = on"
        ask(cluster, f"alter role {login} in database {DATABASE} set {setting}")


def set_read_only(cluster: Cluster, value: str) -> None:
    """For all sessions of the server that have no setting of their own."""
    ask(cluster, f"alter system set default_transaction_read_only = {value}")
    ask(cluster, "select pg_reload_conf()")
    is_set = f"select current_setting('default_transaction_read_only') = '{value}'"
    wait_for(cluster, is_set, "the setting does not change")


def difference(one: Cluster, other: Cluster) -> list[str]:
    """Says so if the rows of two servers differ."""
    expected = one.sql(DIGESTS, DATABASE)
    deadline = time.monotonic() + 60
    while (found := other.sql(DIGESTS, DATABASE)) != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    return [] if found == expected else ["the rows of the two servers differ"]


def ask(cluster: Cluster, statement: str) -> Any:
    """The first value of the answer, if there is one."""
    with replication.connect(cluster.url(DATABASE)) as connection:
        return replication.ask(connection, statement)


def wait_for(cluster: Cluster, question: str, otherwise: str) -> None:
    with replication.connect(cluster.url(DATABASE)) as connection:
        replication.wait_for(connection, question, otherwise)
