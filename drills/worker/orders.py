"""Orders: jobs of a task of the drill alone, of which each has one effect that can be counted."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from drills.worker.crew import LEASE, SLACK, Crew, drained
from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from tests.support.orders import EFFECTS

LINES = 10  # orders of one line have the same lock
UNSETTLED = """
select count(*) from procrastinate.procrastinate_jobs
 where task_name = 'drill' and status in ('todo', 'doing')
"""


@dataclass
class Plan:
    seconds: float = 60
    instances: int = 3
    orders_a_second: float = 15
    seed: int = 0


@dataclass
class Result:
    plan: Plan
    counts: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    runs: int = 0
    taken_over: float = 0  # seconds until all jobs of a killed worker ran again
    drained: float = 0
    faults: list[str] = field(default_factory=list)


def run(cluster: Cluster, database: str, folder: Path, plan: Plan) -> Result:
    """Run the drill in a new database."""
    cluster.create_database(database, TEMPLATE)
    cluster.sql(EFFECTS.read_text(), database)
    with (
        psycopg.connect(cluster.url(database), autocommit=True) as connection,
        contextlib.ExitStack() as stack,
    ):
        drill = Drill(cluster, database, folder, plan, connection)
        stack.callback(cluster.drop_database, database)
        stack.callback(drill.crew.end)
        drill.same_name_comeback()
        drill.storm()
        drill.check()
        return drill.result


class Drill:
    def __init__(
        self,
        cluster: Cluster,
        database: str,
        folder: Path,
        plan: Plan,
        connection: psycopg.Connection,
    ) -> None:
        self.plan = plan
        self.result = Result(plan)
        self.random = random.Random(plan.seed)
        self.crew = Crew(
            cluster, database, "tests.support.orders", folder / "orders.log", self.random
        )
        self.connection = connection

    # The parts

    def same_name_comeback(self) -> None:
        """A worker is killed with all its jobs, and comes back at once."""
        self.crew.hire(1)
        for number in range(1, 5):
            self.enqueue(number, seconds=1.0 if number > 2 else 60.0, lock=False)
        self.wait(lambda: self.number("select count(distinct order_id) from drill.runs") >= 4)
        # Two of them have had their effect, and two are half done.
        self.wait(lambda: self.number("select count(*) from drill.effects") >= 2)
        self.connection.execute(
            "update procrastinate.procrastinate_jobs set args = args || '{\"seconds\": 0}'"
        )
        began = time.monotonic()
        self.crew.kill_and_restart(0)
        self.wait(lambda: self.number("select count(*) from drill.effects") >= 4)
        self.result.taken_over = time.monotonic() - began
        if self.result.taken_over > 2 * LEASE + SLACK:
            self.result.faults.append("the jobs of a killed worker were stuck")

    def storm(self) -> None:
        """Jobs, and misfortunes at random moments."""
        self.crew.hire(self.plan.instances - 1)
        ends = time.monotonic() + self.plan.seconds
        number = 100
        while time.monotonic() < ends:
            number += 1
            self.enqueue(
                number,
                seconds=self.random.choice((0.0, 0.0, 0.05, 0.5)),
                failures=self.random.choice((0, 0, 0, 0, 1, 2)),
                lock=self.random.random() < 0.3,
                later=self.random.random() < 0.2,
            )
            self.crew.suffer()
            time.sleep(self.random.expovariate(self.plan.orders_a_second))
        self.crew.wake()

    def check(self) -> None:
        """All is done, once, when two leases and the backlog are over."""
        self.result.drained = drained(lambda: self.number(UNSETTLED))
        self.result.counts = self.crew.befallen
        self.result.orders = self.number("select count(*) from drill.orders")
        self.result.runs = self.number("select count(*) from drill.runs")
        self.result.faults += [*self.crew.faults, *self.faults()]

    def faults(self) -> Iterator[str]:
        for what, query in (
            ("jobs are stuck", UNSETTLED),
            (
                "jobs were given up",
                "select count(*) from ops.dead_jobs() where task = 'drill'",
            ),
            (
                "orders were lost",
                "select count(*) from drill.orders as o where not exists"
                " (select from drill.effects as e where e.order_id = o.id)",
            ),
            (
                "orders had their effect twice",
                "select count(*) from (select from drill.effects group by order_id"
                " having count(*) > 1) as e",
            ),
            (
                "effects came out of the order of their line",
                "select count(*) from (select o.id, lag(o.id) over (partition by o.line"
                " order by e.id) as before from drill.effects as e join drill.orders as o"
                " on o.id = e.order_id where o.line > 0) as e where before > id",
            ),
            (
                "invariants are violated",
                "select count(*) from ops.check_invariants() where violations > 0",
            ),
        ):
            if number := self.number(query):
                yield f"{number} {what}"
        if self.result.counts and self.result.runs <= self.result.orders:
            yield "no job ran twice: the drill has tried nothing"

    # Help

    def enqueue(
        self,
        number: int,
        *,
        seconds: float,
        failures: int = 0,
        lock: bool = False,
        later: bool = False,
    ) -> None:
        """An order and its job, in one transaction, as a booking writes its event and its job."""
        line = 1 + number % LINES if lock else 0
        with self.connection.transaction():
            self.connection.execute(
                "insert into drill.orders (id, line) values (%s, %s)", (number, line)
            )
            self.connection.execute(
                "select app.enqueue_job('drill', jsonb_build_object('order_id', %s::bigint,"
                " 'seconds', %s::float, 'failures', %s::int), %s::text,"
                " case when %s then now() + interval '1 second' end)",
                (number, seconds, failures, f"line-{line}" if lock else None, later),
            )

    def number(self, query: str) -> int:
        row = self.connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(Path(self.crew.log.name).read_text()[-3000:])
            time.sleep(0.05)
