"""Instances of the worker, what befalls them, and what must be true afterwards."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from scripts.system import CHECKOUT
from tests.support.orders import EFFECTS

LEASE = 3  # seconds, the least that the setting allows
# Beside two leases: polling, a start of Python on a busy machine, and the first back-offs.
SLACK = 20.0
LINES = 10  # orders of one line have the same lock

Event = Callable[["Drill"], None]


@dataclass
class Plan:
    seconds: float = 60
    instances: int = 3
    orders_a_second: float = 15
    seed: int = 0


@dataclass
class Result:
    plan: Plan
    counts: dict[str, int] = field(default_factory=dict)
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
        stack.callback(drill.kill_all)
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
        self.log = (folder / "worker.log").open("wb")
        self.database = database
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "APP_ENV": "test",
            "WORKER_DATABASE_URL": cluster.url(database, "telemed_worker"),
            "WORKER_LEASE_SECONDS": str(LEASE),
            "ENV_FILE": os.devnull,
        }
        self.connection = connection
        self.processes: list[subprocess.Popen[bytes]] = []
        self.stopped: dict[int, float] = {}  # places of stopped processes, and until when

    # What befalls the workers

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            (sys.executable, "-m", "tests.support.orders"),
            cwd=CHECKOUT,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )

    def kill_and_restart(self) -> None:
        """SIGKILL, and another process with the same name at once."""
        place = self.random.randrange(len(self.processes))
        self.stopped.pop(place, None)
        self.processes[place].kill()
        self.processes[place].wait()
        self.processes[place] = self.start()

    def stop_for_longer_than_a_lease(self) -> None:
        """SIGSTOP: its jobs are given away, and it comes back in the middle of them."""
        place = self.random.randrange(len(self.processes))
        self.processes[place].send_signal(signal.SIGSTOP)
        self.stopped[place] = time.monotonic() + LEASE * self.random.uniform(1.2, 2)

    def cut_connections(self) -> None:
        """End the connections of all workers: answers are lost, commits are not."""
        self.connection.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where usename = 'telemed_worker' and datname = %s",
            (self.database,),
        )

    def stop_cleanly(self) -> None:
        """SIGTERM, as a new release does."""
        place = self.random.randrange(len(self.processes))
        if place not in self.stopped:
            self.processes[place].terminate()
            # One that is still starting holds no job, and ends at once.
            if self.processes[place].wait(60) not in (0, -signal.SIGTERM):
                self.result.faults.append("a worker did not end cleanly after SIGTERM")
            self.processes[place] = self.start()

    # The parts

    def same_name_comeback(self) -> None:
        """A worker is killed with all its jobs, and comes back at once."""
        victim = self.start()
        self.processes.append(victim)
        for number in range(1, 5):
            self.enqueue(number, seconds=1.0 if number > 2 else 60.0, lock=False)
        self.wait(lambda: self.number("select count(distinct order_id) from drill.runs") >= 4)
        # Two of them have had their effect, and two are half done.
        self.wait(lambda: self.number("select count(*) from drill.effects") >= 2)
        self.connection.execute(
            "update procrastinate.procrastinate_jobs set args = args || '{\"seconds\": 0}'"
        )
        victim.kill()
        victim.wait()
        began = time.monotonic()
        self.processes[0] = self.start()
        self.wait(lambda: self.number("select count(*) from drill.effects") >= 4)
        self.result.taken_over = time.monotonic() - began
        if self.result.taken_over > 2 * LEASE + SLACK:
            self.result.faults.append("the jobs of a killed worker were stuck")

    def storm(self) -> None:
        """Jobs, and misfortunes at random moments."""
        misfortunes: list[Event] = [
            Drill.kill_and_restart,
            Drill.kill_and_restart,
            Drill.stop_for_longer_than_a_lease,
            Drill.cut_connections,
            Drill.stop_cleanly,
        ]
        self.processes += [self.start() for _ in range(self.plan.instances - 1)]
        ends = time.monotonic() + self.plan.seconds
        next_misfortune = time.monotonic() + 2
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
            if time.monotonic() > next_misfortune:
                misfortune = self.random.choice(misfortunes)
                name = misfortune.__name__
                self.result.counts[name] = self.result.counts.get(name, 0) + 1
                misfortune(self)
                next_misfortune = time.monotonic() + self.random.uniform(0.5, 2.5)
            self.wake(time.monotonic())
            time.sleep(self.random.expovariate(self.plan.orders_a_second))
        self.wake(float("inf"))

    def wake(self, now: float) -> None:
        for place, until in list(self.stopped.items()):
            if until <= now:
                self.processes[place].send_signal(signal.SIGCONT)
                del self.stopped[place]

    def check(self) -> None:
        """All is done, once, when two leases and the backlog are over."""
        began = time.monotonic()
        left = "select count(*) from procrastinate.procrastinate_jobs where task_name = 'drill'"
        settled = left + " and status in ('todo', 'doing')"
        # While the backlog shrinks, nothing is stuck.
        least, since = self.number(settled), time.monotonic()
        while least and time.monotonic() - since < 2 * LEASE + SLACK:
            time.sleep(0.2)
            now = self.number(settled)
            if now < least:
                least, since = now, time.monotonic()
        self.result.drained = time.monotonic() - began
        self.result.orders = self.number("select count(*) from drill.orders")
        self.result.runs = self.number("select count(*) from drill.runs")
        self.result.faults += self.faults()

    def faults(self) -> Iterator[str]:
        for what, query in (
            (
                "jobs are stuck",
                "select count(*) from procrastinate.procrastinate_jobs"
                " where task_name = 'drill' and status in ('todo', 'doing')",
            ),
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
                raise AssertionError(Path(self.log.name).read_text()[-3000:])
            time.sleep(0.05)

    def kill_all(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.log.close()
