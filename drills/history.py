"""The requests of the clients, their times and their answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

FOREVER = float("inf")
KILL_WORKER = "SIGKILL of a gunicorn worker"
# The class of refusals that depend on the state of the database and are stored under their key.
CONFLICT = "TM9"
IN_FLIGHT = "TM991"

_LOCK = threading.Lock()


@dataclass
class Attempt:
    """One request on the wire. Times are those of this computer's monotonic clock, in seconds.

    status 0: no complete answer arrived. connected_at: when the connection was opened, or last gave
    a complete answer. body: the fields that the checker needs; digest: of the whole body.
    """

    request_id: str
    connected_at: float
    invoked: float
    returned: float = FOREVER
    status: int = 0
    code: str = ""
    replayed: bool = False
    retry_after: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    digest: int = 0
    error: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def definite(self) -> bool:
        """Whether this answer gives the client the outcome of its request."""
        return self.ok or (400 <= self.status < 500 and self.code != IN_FLIGHT)


@dataclass
class Operation:
    """One thing that a client asks for, under one key, with all attempts."""

    number: int
    user: str
    kind: str
    method: str
    path: str
    key: str | None
    body: dict[str, Any] | None
    slot_id: str = ""  # the slot that it asks for
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def outcome(self) -> Attempt | None:
        """The first attempt whose answer is definite."""
        return next((a for a in self.attempts if a.definite), None)

    def new_attempt(self, connected_at: float) -> Attempt:
        with _LOCK:
            request_id = f"{self.number}.{len(self.attempts) + 1}"
            attempt = Attempt(request_id, connected_at, time.monotonic())
            self.attempts.append(attempt)
            return attempt

    def done_by(self, attempt: Attempt) -> float:
        """When the effect of an attempt certainly existed: at the first success after its start."""
        returned = [a.returned for a in self.attempts if a.ok and a.returned >= attempt.invoked]
        return min(returned, default=FOREVER)


@dataclass
class Fault:
    """Something that was broken; lasted: seconds, 0 if unknown."""

    kind: str
    at: float
    lasted: float = 0


class History:
    """All operations and all faults, in the order in which they began."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.faults: list[Fault] = []
        self.quiet_since = FOREVER  # there are no faults from then on

    def begin(self, **fields: Any) -> Operation:
        with _LOCK:
            operation = Operation(number=len(self.operations) + 1, **fields)
            self.operations.append(operation)
        return operation

    def broke(self, kind: str) -> Fault:
        fault = Fault(kind, time.monotonic())
        self.faults.append(fault)
        return fault

    def first_write(self, begun: int, since: float, seconds: float = 300) -> float:
        """Wait for the first acknowledgement of a write that was asked for after `since`; its time.

        begun: how many operations had begun before.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            new = [a for o in self.operations[begun:] if o.key for a in list(o.attempts)]
            if found := [a.returned for a in new if a.ok and a.invoked > since]:
                return min(found)
            time.sleep(0.02)
        raise AssertionError(f"no write was acknowledged within {seconds} s")

    def longest_pause(self, closed: float, opened: float) -> float:
        """The longest time without an acknowledged write that touches the time of a move."""
        acknowledged = sorted(a.returned for o, a in self.attempts() if o.key and a.ok)
        return max(b - a for a, b in pairwise(acknowledged) if b >= closed and a <= opened)

    def attempts(self) -> Iterator[tuple[Operation, Attempt]]:
        for operation in self.operations:
            for attempt in operation.attempts:
                yield operation, attempt
