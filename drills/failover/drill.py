"""One drill: clients at work, faults of the leader one after the other, then the check."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psycopg

from drills.checker import DIGESTS, Checker
from drills.clients import Board, Client, at_work, resolve
from drills.failover.nodes import Node, Nodes
from drills.history import History
from drills.stage import DATABASE, Clinic
from scripts.cluster import TEMPLATE
from scripts.system import say

Answer = TypeVar("Answer")

KILL_DATABASE = "SIGKILL of PostgreSQL"
KILL_NODE = "SIGKILL of the whole node"
PAUSE = "SIGSTOP of the whole node"
PARTITION = "cut off from the other nodes and from etcd, not from the clients"
FAULTS = (KILL_DATABASE, KILL_NODE, PAUSE, PARTITION)

BOUND_SECONDS = 60  # until a write succeeds again
CLIENTS = 6
PAUSE_SECONDS = 0.1  # of a client between two requests: histories of an hour stay small
QUIET_SECONDS = 3
CANCEL_WAITS = """
select count(pg_cancel_backend(pid)) from pg_stat_activity
 where wait_event = 'SyncRep' and usename = 'telemed_api'
"""
SEAL = "select to_jsonb(s) from ops.seal_audit() as s"
VERIFY = "select problem, explanation from ops.verify_audit(%(seals)s::jsonb)"


@dataclass
class Plan:
    """The parameters of a drill."""

    seed: str
    count: int  # faults of each kind
    kinds: tuple[str, ...] = FAULTS
    synchronous: bool = True

    @property
    def slots(self) -> int:
        """Slots of each doctor: completed consultations use them up."""
        return 1000 + 150 * self.count * len(self.kinds)


@dataclass
class Outage:
    """A fault of the leader. Times in seconds."""

    kind: str
    outage: float  # until a write was acknowledged that was asked for afterwards
    whole: float  # from the end of the fault until two nodes followed the leader again
    moved: bool  # whether another node leads


@dataclass
class Result:
    """The outcome of a drill."""

    plan: Plan
    history: History
    seconds: float
    outages: list[Outage]
    cancelled: int  # waits for a standby
    unknown: int  # operations whose outcome was unknown when the faults were over
    seals: int
    violations: dict[str, list[str]]
    of_old_leaders: Counter[str] = field(default_factory=Counter)  # reads that were out of date
    faults: list[str] = field(default_factory=list)  # of the nodes, the audit log, the outages


def run(nodes: Nodes, folder: Path, plan: Plan) -> Result:
    """Run a drill on a fresh database of the nodes; logs of the API go to `folder`."""
    nodes.drop_database(DATABASE)
    nodes.create_database(DATABASE, TEMPLATE)
    history, outages, seals = History(), list[Outage](), list[tuple[object, ...]]()
    old_leaders = list[tuple[float, float]]()
    cancelled = Counter[str]()
    urls = nodes.url(DATABASE), nodes.url(DATABASE, "telemed_api")
    with contextlib.closing(
        Clinic(folder, *urls, instances=2, workers=1, slots=plan.slots)
    ) as clinic:
        clinic.ready()
        began = time.monotonic()
        board = Board(clinic, choices=6)
        clients = [
            Client(clinic, board, history, f"{plan.seed}/client {n}", pause=PAUSE_SECONDS)
            for n in range(CLIENTS)
        ]
        with at_work(clients):
            for number in range(plan.count):
                for kind in plan.kinds:
                    struck = time.monotonic()
                    outage = strike(nodes, history, plan, kind, cancelled)
                    outages.append(outage)
                    if kind in (PAUSE, PARTITION) and plan.synchronous:
                        old_leaders.append((struck, time.monotonic()))
                    say(
                        f"failover: {number + 1}/{plan.count} {kind}:"
                        f" {outage.outage:.1f} s, whole after {outage.whole:.1f} s"
                    )
                    seals += steadily(lambda: clinic.sql(SEAL))
            history.quiet_since = time.monotonic()
            time.sleep(QUIET_SECONDS)
        seconds = time.monotonic() - began
        unknown = resolve(clinic, history)
        seals += steadily(lambda: clinic.sql(SEAL))
        checker = steadily(lambda: Checker(clinic, history, old_leaders=old_leaders))
        faults = [
            f"the audit log: {problem}, {explanation}"
            for problem, explanation in steadily(
                lambda: clinic.sql(VERIFY, seals=json.dumps([seal for (seal,) in seals]))
            )
        ]
    faults += steadily(lambda: list(differences(nodes)))
    faults += [
        f"{o.kind}: no write succeeded for {o.outage:.0f} s"
        for o in outages
        if o.outage > BOUND_SECONDS
    ]
    return Result(
        plan=plan,
        history=history,
        seconds=seconds,
        outages=outages,
        cancelled=cancelled["waits"],
        unknown=unknown,
        seals=len(seals),
        violations=checker.violations(),
        of_old_leaders=checker.of_old_leaders,
        faults=faults,
    )


def steadily(ask: Callable[[], Answer], seconds: float = 120) -> Answer:
    """The answer of the leader. On a busy machine the nodes may elect another one meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def strike(
    nodes: Nodes, history: History, plan: Plan, kind: str, cancelled: Counter[str]
) -> Outage:
    """Break the leader, wait until another node leads and writes succeed, and mend it."""
    old = nodes.leader()
    begun = len(history.operations)
    if kind == KILL_DATABASE:
        old.kill_database()
    elif kind == KILL_NODE:
        old.kill()
    elif kind == PAUSE:
        old.pause()
    else:
        old.cut()
    fault = history.broke(kind)
    if kind == PARTITION:
        cancelled["waits"] += cancel_waits(old)
    # A node leads a moment before it is promoted. Repaired then, the cable would bring it what the
    # old leader has written meanwhile. A killed server may lead on for a moment, and then another.
    but = None if kind == KILL_DATABASE else old
    steadily(lambda: nodes.leader(but=but).require_primary())
    fault.lasted = history.first_write(begun, since=fault.at) - fault.at
    mended = time.monotonic()
    if kind == KILL_NODE:
        old.start()
    elif kind == PAUSE:
        old.resume()
    elif kind == PARTITION:
        old.repair()
    new = nodes.wait_until_whole(synchronous=plan.synchronous)
    return Outage(kind, fault.lasted, time.monotonic() - mended, new is not old)


def cancel_waits(node: Node) -> int:
    """Cancel waits for a standby on a leader that has none: PostgreSQL reports them as done."""
    count = 0
    with (
        contextlib.suppress(psycopg.OperationalError),
        psycopg.connect(node.url("postgres"), autocommit=True) as connection,
    ):
        for _ in range(10):
            row = connection.execute(CANCEL_WAITS).fetchone()
            count += row[0] if row else 0
            time.sleep(0.2)
    return count


def differences(nodes: Nodes, seconds: float = 60) -> Iterator[str]:
    """Nodes whose rows differ from those of the leader."""
    leader = nodes.leader()
    expected = digests(leader)
    for node in nodes.nodes:
        deadline = time.monotonic() + seconds
        while (found := digests(node)) != expected and time.monotonic() < deadline:
            time.sleep(0.5)
        if found != expected:
            yield f"the rows of node {node.name} differ from those of the leader"


def digests(node: Node) -> list[tuple[object, ...]]:
    with psycopg.connect(node.url(DATABASE)) as connection:
        return connection.execute(DIGESTS.encode()).fetchall()
