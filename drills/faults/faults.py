"""The faults of the drill, and the injector that causes them at random."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from functools import partial

import psycopg

from drills import proxy
from drills.history import KILL_WORKER, History
from drills.stage import Stage

TERMINATE = "pg_terminate_backend"
CANCEL = "pg_cancel_backend"
KILL_BACKEND = "SIGKILL of one database process"
KILL_DATABASE = "SIGKILL of the whole database, and a start"
RELOAD = "SIGHUP to gunicorn"
RESTART = "another gunicorn, and SIGTERM to the old one"
STALL = "all connections to the database stall for seconds"

# How often each is chosen. A killed database is away for seconds: a higher weight would leave no
# time for the other faults.
WEIGHTS = {
    TERMINATE: 22,
    CANCEL: 14,
    proxy.CUT_BEFORE: 14,
    proxy.CUT_AFTER_STATEMENT: 14,
    proxy.CUT_AFTER_COMMIT: 22,
    KILL_WORKER: 5,
    KILL_BACKEND: 3,
    KILL_DATABASE: 3,
    RELOAD: 4,
    RESTART: 2,
    proxy.HALF_OPEN: 2,
    STALL: 2,
}
BACKENDS = """
select pid from pg_stat_activity
 where usename = 'telemed_api' and (state = 'active' or random() < 0.1) order by random() limit 1
"""


class Injector:
    """Causes faults at random times."""

    def __init__(
        self,
        clinic: Stage,
        history: History,
        seed: str,
        pause: float,
        weights: dict[str, int] | None = None,
    ) -> None:
        self.clinic = clinic
        self.history = history
        self.pause = pause  # seconds between two faults, on average
        self.weights = weights or WEIGHTS
        self.chance = random.Random(seed)
        self._actions: dict[str, Callable[[], None]] = {
            TERMINATE: lambda: self._signal("pg_terminate_backend"),
            CANCEL: lambda: self._signal("pg_cancel_backend"),
            KILL_BACKEND: self._kill_backend,
            KILL_DATABASE: self._kill_database,
            KILL_WORKER: self._kill_worker,
            RELOAD: self._reload,
            RESTART: self._restart,
            STALL: self._stall,
            **{cut: partial(self._cut, cut) for cut in proxy.CUTS},
        }

    def work(self, over: threading.Event) -> None:
        """Cause each kind of fault once, in random order, then random kinds, until `over`."""
        kinds = self.chance.sample(list(self.weights), len(self.weights))
        while not over.wait(self.chance.expovariate(1 / self.pause)):
            kind = kinds.pop() if kinds else self._any()
            # A database that is recovering refuses the connection that a fault needs.
            with contextlib.suppress(psycopg.OperationalError):
                self._actions[kind]()

    def _any(self) -> str:
        (kind,) = self.chance.choices(list(self.weights), list(self.weights.values()))
        return kind

    def _signal(self, function: str) -> None:
        kind = TERMINATE if function == "pg_terminate_backend" else CANCEL
        sql = f"select {function}(pid) from ({BACKENDS}) as b"
        if self.clinic.sql(sql):
            self.history.broke(kind)

    def _kill_backend(self) -> None:
        for (pid,) in self.clinic.sql(BACKENDS):
            self.history.broke(KILL_BACKEND)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _kill_database(self) -> None:
        fault = self.history.broke(KILL_DATABASE)
        self.clinic.kill_database()
        fault.lasted = time.monotonic() - fault.at

    def _kill_worker(self) -> None:
        if workers := self.clinic.workers():
            self.history.broke(KILL_WORKER)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(workers), signal.SIGKILL)

    def _reload(self) -> None:
        self.history.broke(RELOAD)
        self.clinic.reload()

    def _restart(self) -> None:
        self.history.broke(RESTART)
        self.clinic.restart()

    def _cut(self, cut: str) -> None:
        # One cut, after which the API repeats by itself, or too many in a row for that.
        cuts = 1 if cut == proxy.HALF_OPEN else self.chance.choice((1, 1, 2, 8))
        before = self.clinic.proxy.cuts_made
        self.clinic.proxy.arm(cut, cuts)
        deadline = time.monotonic() + 5
        while self.clinic.proxy.cuts_made < before + cuts and time.monotonic() < deadline:
            time.sleep(0.002)
        self.clinic.proxy.disarm()  # if there were too few requests
        for _ in range(self.clinic.proxy.cuts_made - before):
            self.history.broke(cut)

    def _stall(self) -> None:
        fault = self.history.broke(STALL)
        with self.clinic.proxy.stalled():
            time.sleep(self.chance.uniform(0.5, 3))
        fault.lasted = time.monotonic() - fault.at
