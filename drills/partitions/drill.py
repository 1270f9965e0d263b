"""Follows docs/partitioning.md on a copy of a database, under load, and measures each step.

Clients work through HTTP as in the fault drill, and the same checker compares their answers with
the rows. At the same time an intruder with a superuser's rights, who bypasses the functions and
disables the triggers of the rules, tries to double-book: only constraints stop it.
"""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg

from drills.checker import Checker
from drills.clients import Board, Client, resolve
from drills.history import Attempt, History, Operation
from drills.stage import DATABASE, Stage, clinic_at_work
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError
from scripts.test import database_for_pgtap, pg_prove

STEPS = CHECKOUT / "db/partitioning"
HOT = ("book", "read", "cancel")
# Rows that no function would write. The intruder always rolls back.
INTRUSIONS = {
    "23505": "select c.slot_id, c.doctor_id, app.uuid_v7(), 'patient', c.starts_at, c.ends_at",
    "23P01": "select app.uuid_v7(), c.doctor_id, c.patient_id, 'patient', c.starts_at, c.ends_at",
}
INTRUDE = """
insert into app.consultations
    (slot_id, doctor_id, patient_id, patient_role, starts_at, ends_at, fee_minor, currency)
{row}, 1, 'EUR'
  from (select * from app.consultations
         where status = 'scheduled' and id >= app.first_id_since(%s)
         order by id desc offset %s limit 1 for share) as c
"""
UNEQUAL = """
select count(*) from app.consultations as c
  full join app.consultation_holds as h on h.consultation_id = c.id
 where case when c.status = 'cancelled' then h.consultation_id is not null
            else (c.slot_id, c.patient_id, c.starts_at, c.ends_at, c.status = 'scheduled')
                 is distinct from
                 (h.slot_id, h.patient_id, h.starts_at, h.ends_at, h.is_scheduled) end
"""
PARTITIONS = """
select c.relname::text,
       (select count(*) from app.consultations as r where r.tableoid = c.oid)
  from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
 where i.inhparent = 'app.consultations'::regclass
 order by 1
"""
VIOLATIONS = "select name, violations from ops.check_invariants() where violations > 0"


# Tests that name constraints of the unpartitioned table, or list the tables.
TESTS_OF_NAMES = {
    "consultations/consultations.sql",
    "consultations/consultations_hold_their_slot.sql",
    "consultations/consultations_invariants.sql",
    "foundation/partitions.sql",
    "invariants/audit_log.sql",
    "invariants/foreign_keys.sql",
    "operations/create_partitions.sql",
    "operations/server_statistics.sql",
}


class Step(NamedTuple):
    """The messages of psql, and its start and end (seconds of the monotonic clock)."""

    name: str
    began: float
    ended: float
    messages: str


@dataclass
class Result:
    steps: list[Step] = field(default_factory=list)
    before: int = 0  # consultations
    booked: int = 0
    partitions: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    failed: list[str] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, tuple[int, int]] = field(default_factory=dict)
    unequal: int = 0
    intrusions: Counter[str] = field(default_factory=Counter)
    latencies: dict[str, dict[str, str]] = field(default_factory=dict)
    slowest_in_switch: float = 0
    slowest: float = 0
    longest_silence: float = 0
    locked: str = ""

    @property
    def lost(self) -> int:
        return self.before + self.booked - sum(self.partitions.values())

    @property
    def crossed(self) -> bool:
        """Whether both sides of the bound have rows, and the default partition has none."""
        counts = Counter(self.partitions)
        new = [n for name, n in counts.items() if name.endswith("_rest")]
        return counts["consultations_default"] == 0 and new != [] and min(new) > 0

    @property
    def sound(self) -> bool:
        refused = all(self.intrusions[code] for code in INTRUSIONS)
        return refused and not (
            self.failed
            or self.violations
            or self.changed
            or self.unequal
            or self.lost
            or self.intrusions["done"]
            or not self.crossed
        )


def drill(
    cluster: Cluster,
    folder: Path,
    template: str,
    *,
    clients: int,
    seconds: float,
    lead: float,
    seed: str,
) -> Result:
    """Partition the consultations of DATABASE, a copy of `template`.

    seconds: how long clients work before, between and after the steps; lead: seconds from now until
    the bound.
    """
    result, history, over = Result(), History(), threading.Event()
    since = datetime.now(UTC)
    slots = 400 + int((seconds * 3 + lead) * 100)
    with (
        clinic_at_work(cluster, folder, slots=slots, template=template) as clinic,
        ThreadPoolExecutor(clients + 1) as pool,
    ):
        clinic.ready()
        ((result.before,),) = clinic.sql("select count(*) from app.consultations")
        known = violations(clinic)
        board = Board(clinic, 6)
        work = [
            pool.submit(Client(clinic, board, history, f"{seed}/client {n}").work, over)
            for n in range(clients)
        ]
        work.append(pool.submit(intrude, cluster, since, over, result.intrusions, seed))
        try:
            wait(work, seconds)
            result.steps.append(psql(cluster, "1_hold"))
            result.steps.append(psql(cluster, "2_fill"))
            wait(work, seconds)
            until = switch(cluster, result, lead)
            wait(work, max(0, (until - datetime.now(UTC)).total_seconds()) + seconds)
            result.steps.append(psql(cluster, "5_tidy"))
            wait(work, seconds)
        finally:
            over.set()
        for future in work:
            future.result()
        resolve(clinic, history)
        checker = Checker(clinic, history, since)
        result.violations = checker.violations()
        result.booked = sum(
            change.table == "consultations" and change.verb == "INSERT"
            for change in checker.changes
        )
        result.partitions = dict(clinic.sql(PARTITIONS))
        ((result.unequal,),) = clinic.sql(UNEQUAL)
        now = violations(clinic)
        result.changed = {
            name: (known.get(name, 0), now.get(name, 0))
            for name in known | now
            if known.get(name) != now.get(name)
        }
    measure(result, history)
    return result


def switch(cluster: Cluster, result: Result, lead: float) -> datetime:
    """Run steps 3 and 4, again with a later bound if the locks came too late. Returns the bound."""
    for _ in range(5):
        until = datetime.now(UTC) + timedelta(seconds=lead)
        result.steps.append(psql(cluster, "3_bound", until=until.isoformat()))
        step = psql(cluster, "4_switch")
        result.steps.append(step)
        if done := re.search(r"done after \d+ attempts; locked for \d+ ms", step.messages):
            result.locked = done[0]
            return until
        lead *= 2
    raise CommandError("The locks did not come in time")


def psql(cluster: Cluster, step: str, database: str = DATABASE, **variables: str) -> Step:
    began = time.monotonic()
    setting = [f"--set={name}={value}" for name, value in variables.items()]
    done = subprocess.run(
        ("psql", "-Xq", "--set=ON_ERROR_STOP=1", *setting, f"--file={STEPS / step}.sql"),
        env=cluster.environment(database),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise CommandError(f"{step}: {done.stderr}")
    messages = "; ".join(re.findall(r"(?:NOTICE|WARNING):\s+(.*)", done.stderr))
    return Step(step, began, time.monotonic(), messages)


def failing_tests(cluster: Cluster, database: str) -> tuple[int, set[str]]:
    """The number of pgTAP files, and those that fail on a partitioned database without load."""
    database_for_pgtap(cluster, database)
    for step in ("1_hold", "2_fill"):
        psql(cluster, step, database)
    until = datetime.now(UTC) + timedelta(seconds=30)
    psql(cluster, "3_bound", database, until=until.isoformat())
    for step in ("4_switch", "5_tidy"):
        psql(cluster, step, database)
    output = pg_prove(cluster, database).stdout
    files = re.search(r"^Files=(\d+)", output, re.M)
    summary = output.partition("Test Summary Report")[2]
    return int(files[1]) if files else 0, set(re.findall(r"^db/tests/(\S+\.sql)\s", summary, re.M))


def intrude(
    cluster: Cluster, since: datetime, over: threading.Event, counts: Counter[str], seed: str
) -> None:
    """Try to book a taken slot or a busy patient, with the triggers of the rules disabled."""
    chance = random.Random(f"{seed}/intruder")
    with closing(psycopg.connect(cluster.url(DATABASE), autocommit=True)) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set lock_timeout = '500ms'")
        while not over.wait(0.05):
            code, row = chance.choice(list(INTRUSIONS.items()))
            connection.execute("begin")
            try:
                done = connection.execute(
                    INTRUDE.format(row=row).encode(), (since, chance.randrange(20))
                )
                counts["done"] += done.rowcount
            except psycopg.Error as error:
                counts[error.sqlstate or ""] += 1
                # The expected constraint; lock time-outs and deadlocks are ignored.
                assert error.sqlstate in (code, "55P03", "40P01"), error
            connection.execute("rollback")


def violations(clinic: Stage) -> dict[str, int]:
    """Violations of the invariants over all rows, even the generated ones without an audit log."""
    return dict(clinic.sql(VIOLATIONS))


def measure(result: Result, history: History) -> None:
    """Measure the latencies before the first step, during the steps and after the last one."""
    first = result.steps[0].began
    the_switch = result.steps[-2]
    last = result.steps[-1].ended
    attempts = list(history.attempts())
    result.requests = len(attempts)
    for operation, attempt in attempts:
        took = attempt.returned - attempt.invoked
        result.slowest = max(result.slowest, took)
        if attempt.invoked < the_switch.ended and attempt.returned > the_switch.began:
            result.slowest_in_switch = max(result.slowest_in_switch, took)
        if not attempt.definite and attempt.code != "TM991":
            result.failed.append(
                f"{operation.kind} {attempt.status} {attempt.code} {attempt.error}"
            )
    answers = sorted(
        [a.returned for _, a in attempts if a.definite and a.returned >= the_switch.began]
    )
    until = [t for t in answers if t <= the_switch.ended + 1]
    result.longest_silence = max(
        (b - a for a, b in zip([the_switch.began, *until], until, strict=False)), default=0
    )
    for kind in HOT:
        times = {
            "before": figures_of(attempts, kind, 0, first),
            "during": figures_of(attempts, kind, first, last),
            "after": figures_of(attempts, kind, last, float("inf")),
        }
        result.latencies[kind] = times


def figures_of(
    attempts: list[tuple[Operation, Attempt]], kind: str, since: float, until: float
) -> str:
    times = sorted(
        a.returned - a.invoked
        for operation, a in attempts
        if operation.kind == kind and a.ok and since <= a.invoked < until
    )
    if not times:
        return "none"
    p95 = times[int(len(times) * 0.95)]
    return (
        f"{len(times):,}, median {statistics.median(times) * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms"
    )


def lines(result: Result) -> Iterator[str]:
    """The result, line by line."""
    for step in result.steps:
        yield f"{step.name}: {step.ended - step.began:.1f} s {step.messages}"
    yield (
        f"outage: {result.locked}; the slowest request of that time took"
        f" {result.slowest_in_switch * 1000:.0f} ms (of all {result.slowest * 1000:.0f} ms), the"
        f" longest time without any answer {result.longest_silence * 1000:.0f} ms"
    )
    yield f"{result.requests:,} requests, {len(result.failed)} failed"
    for kind, times in result.latencies.items():
        yield f"{kind}: " + "; ".join(f"{when} {figures}" for when, figures in times.items())
    counts = ", ".join(f"{name} {count:,}" for name, count in result.partitions.items())
    yield f"rows: {result.before:,} before + {result.booked:,} booked = {counts}"
    yield (
        f"exclusivity: {result.intrusions['23505']:,} second bookings of a slot and"
        f" {result.intrusions['23P01']:,} of a busy patient refused by constraints,"
        f" {result.intrusions['done']} accepted; {result.unequal} holds differ"
    )
    yield f"invariants: {len(result.violations)} rules broken, {len(result.changed)} counts changed"
    yield from result.failed[:10]
    for rule, examples in result.violations.items():
        yield f"{rule}: {examples[:3]}"
    for name, counts_of in result.changed.items():
        yield f"{name}: {counts_of[0]} before, {counts_of[1]} now"
