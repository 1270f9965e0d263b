"""Instances of the worker, and what befalls them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg

from scripts.server import Cluster
from scripts.system import CHECKOUT

LEASE = 3  # seconds, the least that the setting allows
# Beside two leases: polling, a start of Python on a busy machine, and the first back-offs.
SLACK = 20.0

Misfortune = Callable[["Crew"], None]


class Crew:
    """Processes that run `python -m <module>` on one database, until `end`.

    befallen: how often each misfortune has happened. faults: what none of them may lead to.
    """

    def __init__(
        self,
        cluster: Cluster,
        database: str,
        module: str,
        log: Path,
        chance: random.Random,
        **more: str,
    ) -> None:
        self.database = database
        self.module = module
        self.log = log.open("wb")
        self.random = chance
        self.befallen: Counter[str] = Counter()
        self.faults: list[str] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self.stopped: dict[int, float] = {}  # places of stopped processes, and until when
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "APP_ENV": "test",
            "WORKER_DATABASE_URL": cluster.url(database, "telemed_worker"),
            "WORKER_LEASE_SECONDS": str(LEASE),
            "ENV_FILE": os.devnull,
            **more,
        }
        self._connection = psycopg.connect(cluster.url(database), autocommit=True)
        self._next = 0.0

    def hire(self, instances: int) -> None:
        """Start so many more."""
        self.processes += [self._start() for _ in range(instances)]
        self._next = time.monotonic() + 2

    def suffer(self) -> None:
        """A misfortune, if it is time for one; one that was stopped goes on after a while."""
        now = time.monotonic()
        self.wake(now)
        if now < self._next:
            return
        misfortune = self.random.choice(MISFORTUNES)
        self.befallen[misfortune.__name__] += 1
        misfortune(self)
        self._next = time.monotonic() + self.random.uniform(0.5, 2.5)

    def wake(self, now: float = float("inf")) -> None:
        """Let the stopped ones go on whose time has come."""
        for place, until in list(self.stopped.items()):
            if until <= now:
                self.processes[place].send_signal(signal.SIGCONT)
                del self.stopped[place]

    def kill_and_restart(self, place: int | None = None) -> None:
        """SIGKILL, and another process with the same name at once."""
        place = self.random.randrange(len(self.processes)) if place is None else place
        self.stopped.pop(place, None)
        self.processes[place].kill()
        self.processes[place].wait()
        self.processes[place] = self._start()

    def stop_for_longer_than_a_lease(self) -> None:
        """SIGSTOP: its jobs are given away, and it comes back in the middle of them."""
        place = self.random.randrange(len(self.processes))
        self.processes[place].send_signal(signal.SIGSTOP)
        self.stopped[place] = time.monotonic() + LEASE * self.random.uniform(1.2, 2)

    def cut_connections(self) -> None:
        """End the connections of all workers: answers are lost, commits are not."""
        self._connection.execute(
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
                self.faults.append("a worker did not end cleanly after SIGTERM")
            self.processes[place] = self._start()

    def end(self) -> None:
        """Kill all."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.log.close()
        self._connection.close()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            (sys.executable, "-m", self.module),
            cwd=CHECKOUT,
            env=self._environment,
            stdout=self.log,
            stderr=self.log,
        )


MISFORTUNES: list[Misfortune] = [
    Crew.kill_and_restart,
    Crew.kill_and_restart,
    Crew.stop_for_longer_than_a_lease,
    Crew.cut_connections,
    Crew.stop_cleanly,
]


def drained(count: Callable[[], int], help_on: Callable[[], None] = lambda: None) -> float:
    """The seconds until nothing is left; also returns when what is left does not get less.

    count: how much is left. help_on: called before each look.
    """
    began = time.monotonic()
    least, since = count(), began
    while least and time.monotonic() - since < 2 * LEASE + SLACK:
        help_on()
        time.sleep(0.2)
        if (now := count()) < least:
            least, since = now, time.monotonic()
    return time.monotonic() - began
