"""Closed loop: rounds of wrk, with the CPU time that they cost."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from drills import processes
from drills.bench import paths
from drills.bench.stacks import Stack
from scripts.system import CommandError

SCRIPT = Path(__file__).with_name("wrk.lua")
BOOKINGS_A_SECOND = 6_000  # more than any stack makes
SETTLE_SECONDS = 0.1  # until requests without an answer are carried out
TRIES = 5  # of a round, while other programs use the CPUs
PAUSE_SECONDS = 3  # between two tries
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Round:
    """What one round of one stack was measured to do."""

    stack: str
    path: str
    clients: int
    requests: int
    seconds: float
    p50_us: int
    p95_us: int
    p99_us: int
    api_us: float  # CPU time for each request
    database_us: float
    others: float  # share of the CPUs that other programs used

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "per_second": self.per_second}


@dataclass
class Usage:
    """CPU seconds of a server and of its database, and the share that other programs used."""

    server: float = 0.0
    database: float = 0.0
    others: float = 0.0


class HasOthers(Protocol):
    """A measurement that knows how much of the CPUs other programs used."""

    @property
    def others(self) -> float: ...


Measured = TypeVar("Measured", bound=HasOthers)


class Meter:
    """Measures stacks in turn.

    stacks: all that run, whose CPU time is not that of other programs; busy: the share of the CPUs
    that other programs may use.
    """

    def __init__(self, stacks: Sequence[Stack], folder: Path, busy: float) -> None:
        self.stacks = stacks
        self.turn = list(stacks)  # those that are measured
        self.variants: dict[str, dict[str, paths.Path]] = {}  # by stack and path
        self.busy = busy
        self.folder = folder
        self._file = folder / "requests"

    def turns(self, path: paths.Path, clients: int, seconds: int, rounds: int) -> Iterator[Round]:
        """Rounds of the stacks in turn; each turn begins with another stack."""
        turn = self._with(path)
        for number in range(rounds):
            first = number % len(turn)
            with alone():
                for stack in (*turn[first:], *turn[:first]):
                    yield self.quiet_round(stack, path, clients, seconds)

    def warm_up(self, path: paths.Path, clients: int, seconds: int) -> None:
        """A round of each stack that does not count."""
        with alone():
            for stack in self._with(path):
                self.round(stack, path, clients, seconds)

    def _with(self, path: paths.Path) -> list[Stack]:
        """The stacks that have a path."""
        every = {path.name: path}
        return [s for s in self.turn if path.name in self.variants.get(s.name, every)]

    def quiet_round(self, stack: Stack, path: paths.Path, clients: int, seconds: int) -> Round:
        """A round in which other programs used few of the CPUs."""
        return self.quiet(lambda: self.round(stack, path, clients, seconds))

    def quiet(self, measure: Callable[[], Measured]) -> Measured:
        """Measure again while other programs use the CPUs. Raises CommandError if they go on."""
        shares = []
        for _ in range(TRIES):
            found = measure()
            if found.others <= self.busy:
                return found
            shares.append(f"{found.others:.0%}")
            time.sleep(PAUSE_SECONDS)
        raise CommandError(
            f"the machine is busy: other programs used {', '.join(shares)} of the CPUs, and more"
            f" than {self.busy:.0%} makes figures wrong (BUSY=1 measures all the same)"
        )

    def round(self, stack: Stack, path: paths.Path, clients: int, seconds: int) -> Round:
        """One round. Raises CommandError if an answer has another status than it should."""
        path = self.variants.get(stack.name, {}).get(path.name, path)
        self._write(stack, path, seconds)
        with self.watching(stack) as usage:
            found = wrk(stack.url, self._file, clients, seconds, once=path.once)
        check(f"{stack.name}, {path.title}, {clients} clients", path.status, found)
        if path.once:
            stack.next_slot += found["sent"]
            stack.booked += found["requests"]
            stack.unanswered += clients
        # Each client had a request on its way when the round ended.
        carried_out = found["requests"] + clients
        return Round(
            stack=stack.name,
            path=path.name,
            clients=clients,
            requests=found["requests"],
            seconds=found["seconds"],
            p50_us=found["p50"],
            p95_us=found["p95"],
            p99_us=found["p99"],
            api_us=usage.server / carried_out * 1e6,
            database_us=usage.database / carried_out * 1e6,
            others=usage.others,
        )

    @contextlib.contextmanager
    def watching(self, stack: Stack) -> Iterator[Usage]:
        """Measure the CPU time of a block that sends requests to a stack."""
        if stack.log.exists():
            os.truncate(stack.log, 0)
        usage = Usage()
        before, began = self._times(stack), time.monotonic()
        yield usage
        time.sleep(SETTLE_SECONDS)
        after, elapsed = self._times(stack), time.monotonic() - began
        usage.server = after["server"] - before["server"]
        usage.database = after["database"] - before["database"]
        share = (after["others"] - before["others"]) / (elapsed * (os.cpu_count() or 1))
        usage.others = max(0.0, share)

    def _write(self, stack: Stack, path: paths.Path, seconds: int) -> None:
        most = seconds * BOOKINGS_A_SECOND if path.once else None
        chosen = itertools.islice(path.requests(stack), most)
        self._file.write_bytes(b"\0".join(raw(stack, request) for request in chosen))

    def _times(self, stack: Stack) -> dict[str, float]:
        # Some stacks share a database.
        roots = {pid for each in self.stacks for pid in (each.server, each.database)}
        spent = {pid: processes.cpu_seconds(pid) for pid in roots}
        own = sum(
            usage.ru_utime + usage.ru_stime
            for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        return {
            "server": spent[stack.server],
            "database": spent[stack.database],
            "others": processes.busy_seconds() - own - sum(spent.values()),
        }


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait for other benchmarks on this machine."""
    path = os.environ.get("LOCK") or Path(tempfile.gettempdir()) / "telemedicine-bench.lock"
    with Path(path).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def raw(stack: Stack, request: paths.Request) -> bytes:
    """The bytes of a request, in which wrk.lua replaces NEW_KEY."""
    lines = [
        f"{request.method} {request.path} HTTP/1.1",
        f"Host: {stack.url.removeprefix('http://')}",
        *(f"{name}: {value}" for name, value in request.headers(stack).items()),
    ]
    if request.body:
        lines.append(f"Content-Length: {len(request.body)}")
    text = "\r\n".join([*lines, "", request.body])
    return text.replace(paths.NEW_KEY, "\1").encode()


def prefix() -> str:
    """The beginning of idempotency keys that no other round sends; wrk.lua adds eight digits."""
    return f"{os.getpid():08d}-{next(_numbers):06d}-"


def wrk(url: str, file: Path, clients: int, seconds: int, *, once: bool = False) -> dict[str, Any]:
    """What wrk.lua prints at the end of a run."""
    command = (
        *("wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s"),
        *("-s", str(SCRIPT), url, "--", str(file), prefix(), "once" if once else "often"),
    )
    result = subprocess.run(command, capture_output=True, text=True)
    return parse(result.stdout + result.stderr)


def parse(output: str) -> dict[str, Any]:
    """The last line of wrk.lua. Raises CommandError if there is none."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise CommandError(f"wrk failed: {output.strip()}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def check(where: str, status: int, found: dict[str, Any]) -> None:
    """Raise CommandError unless every request got an answer with this status."""
    if found["used_up"]:
        raise CommandError(f"{where}: there are too few open slots: SLOTS= makes more")
    statuses = found["statuses"]
    if set(statuses) != {str(status)} or found["socket_errors"]:
        raise CommandError(f"{where}: {statuses}, {found['socket_errors']} errors of sockets")
