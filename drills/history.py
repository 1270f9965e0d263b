"""What clients asked for, when, and what they were told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

FOREVER = float("inf")
KILL_WORKER = "SIGKILL of a gunicorn worker"
# Refusals that are told from the state of the database, and remembered under their key.
CONFLICT = "TM9"
IN_FLIGHT = "TM991"

_LOCK = threading.Lock()


@dataclass
class Attempt:
    """One request on the wire. Times are those of this computer's monotonic clock, in seconds.

    status 0: no whole answer came. connected_at: when this connection last gave a whole answer, or
    was opened. body: what the checker wants to know of it; digest: of all of it.
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
        """Whether the client knows now what became of its request."""
        return self.ok or (400 <= self.status < 500 and self.code != IN_FLIGHT)


@dataclass
class Operation:
    """What a client wants, under one key; as many attempts as it takes."""

    number: int
    user: str
    kind: str
    method: str
    path: str
    key: str | None
    body: dict[str, Any] | None
    slot_id: str = ""  # the slot that it wants
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
        """When the effect of an attempt was there for certain: someone had been told of it."""
        told = [a.returned for a in self.attempts if a.ok and a.returned >= attempt.invoked]
        return min(told, default=FOREVER)


@dataclass
class Fault:
    """Something that was done to the clinic; lasted: seconds, where that is known."""

    kind: str
    at: float
    lasted: float = 0


class History:
    """Everything that was asked and everything that was broken, in the order of asking."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.faults: list[Fault] = []
        self.quiet_since = FOREVER  # nothing is broken from then on

    def begin(self, **what: Any) -> Operation:
        with _LOCK:
            operation = Operation(number=len(self.operations) + 1, **what)
            self.operations.append(operation)
        return operation

    def broke(self, kind: str) -> Fault:
        fault = Fault(kind, time.monotonic())
        self.faults.append(fault)
        return fault

    def attempts(self) -> Iterator[tuple[Operation, Attempt]]:
        for operation in self.operations:
            for attempt in operation.attempts:
                yield operation, attempt
