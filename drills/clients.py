"""Clients that book, retry, cancel, reschedule, complete, pay, refund and read, at random."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import random
import select
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from drills.history import Attempt, History, Operation
from drills.stage import CURRENCY, Clinic
from tests.support.sql_client import Person

MIX = {
    "book": 34,
    "cancel": 12,
    "reschedule": 10,
    "complete": 8,
    "pay": 8,
    "refund": 5,
    "read": 9,
    "list": 2,
    "publish": 3,
    "reuse": 3,
    "retry": 12,
}
UNKEYED = 0.35  # of the requests that may be sent without a key
PUBLISHED_FROM = datetime(2040, 1, 2, tzinfo=UTC)
PUBLISHED = 3000  # start times for each doctor from which "publish" chooses
REMEMBERED = {"id", "status", "slot_id", "patient_id", "doctor_id", "kind", "amount_minor"}
# A client stops waiting for an answer after this time; the API answers or gives up sooner.
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Booking:
    id: str
    patient_id: str
    doctor_id: str
    slot_id: str


class Board:
    """The clients' knowledge of the clinic: the slots that they compete for, and the bookings."""

    def __init__(self, clinic: Clinic, choices: int) -> None:
        self.clinic = clinic
        self.choices = choices  # open slots of each doctor that clients choose from
        self.open = {doctor: OrderedDict.fromkeys(s) for doctor, s in clinic.slots.items()}
        self.scheduled: dict[str, Booking] = {}
        self.payable: dict[str, Booking] = {}
        self.payments: list[str] = []
        self._lock = threading.Lock()
        self._keys: dict[tuple[str, str], Iterator[int]] = defaultdict(lambda: itertools.count(1))

    def key(self, user: str, kind: str) -> str:
        """The next key of a user for one kind of request.

        All users, and all kinds, have the same keys: a key belongs to one user and one kind.
        """
        with self._lock:
            return f"key-{next(self._keys[user, kind])}"

    def slot(self, chance: random.Random, doctor_id: str) -> str | None:
        with self._lock:
            return chance.choice([*itertools.islice(self.open[doctor_id], self.choices)] or [None])

    def booking(
        self, chance: random.Random, among: dict[str, Booking], newest: int = 40
    ) -> Booking | None:
        with self._lock:
            # All clients choose among the newest, so that they compete.
            found = list(itertools.islice(reversed(among.values()), newest))
            return chance.choice(found or [None])

    def payment(self, chance: random.Random) -> str | None:
        with self._lock:
            return chance.choice(self.payments[-20:] or [None])

    def learn(self, operation: Operation, attempt: Attempt) -> None:
        """Update the board from a definite answer, which may be late."""
        body = attempt.body
        with self._lock:
            if attempt.code in ("TM901", "TM917", "TM918"):
                self._taken(operation.slot_id)
            if not attempt.ok:
                return
            if operation.kind in ("book", "reschedule"):
                self._taken(body["slot_id"])
                old = self.scheduled.get(body["id"])
                if old and old.slot_id != body["slot_id"]:
                    self._freed(old)
                booking = Booking(
                    body["id"], body["patient_id"], body["doctor_id"], body["slot_id"]
                )
                self.scheduled[body["id"]] = self.payable[body["id"]] = booking
            elif operation.kind == "cancel":
                self.payable.pop(body["id"], None)
                if old := self.scheduled.pop(body["id"], None):
                    self._freed(old)
            elif operation.kind == "complete":
                self.scheduled.pop(body["id"], None)
            elif operation.kind == "pay":
                self.payments.append(body["id"])

    def _taken(self, slot_id: str) -> None:
        for slots in self.open.values():
            slots.pop(slot_id, None)

    def _freed(self, booking: Booking) -> None:
        slots = self.open[booking.doctor_id]
        slots[booking.slot_id] = None
        slots.move_to_end(booking.slot_id, last=False)


class Line:
    """One client's connection to the API, which stays open and is reopened if it was closed."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._connection: http.client.HTTPConnection | None = None
        self._since = 0.0

    def send(self, operation: Operation) -> Attempt:
        """One attempt. A refused connection is tried again, because nothing was sent."""
        connection = self._ready()
        attempt = operation.new_attempt(self._since)
        person = self._clinic.person[operation.user]
        headers = {
            "Authorization": f"Bearer {person.token}",
            "X-Request-Id": attempt.request_id,
            "Content-Type": "application/json",
        }
        if self._clinic.host:
            headers["Host"] = self._clinic.host
        if operation.key:
            headers["Idempotency-Key"] = operation.key
        body = None if operation.body is None else json.dumps(operation.body)
        try:
            connection.request(operation.method, operation.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            attempt.returned = self._since = time.monotonic()
            answered = json.loads(text)
            attempt.body = {name: answered[name] for name in REMEMBERED & answered.keys()}
            attempt.digest = hash(json.dumps(answered, sort_keys=True))
            attempt.status = answer.status
            attempt.code = "" if attempt.ok else answered["code"]
            attempt.replayed = answer.headers.get("Idempotency-Replayed") == "true"
            attempt.retry_after = "Retry-After" in answer.headers
            if answer.will_close:
                self.close()
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            attempt.returned = time.monotonic()
            attempt.status = 0
            attempt.error = f"{type(error).__name__}: {error}"
            self.close()
        return attempt

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _ready(self) -> http.client.HTTPConnection:
        """A connection that was open a moment ago."""
        if self._connection and self._connection.sock and not _readable(self._connection.sock):
            return self._connection
        self.close()
        while True:
            host, port = self._clinic.address
            connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
            try:
                connection.connect()
            except ConnectionRefusedError:
                time.sleep(0.01)
                continue
            self._connection = connection
            self._since = time.monotonic()
            return connection


class Client:
    """One client that sends random requests."""

    def __init__(
        self, clinic: Clinic, board: Board, history: History, seed: str, pause: float = 0
    ) -> None:
        """pause: seconds between two requests."""
        self.pause = pause
        self.chance = random.Random(seed)
        self.clinic = clinic
        self.board = board
        self.history = history
        self.line = Line(clinic)
        self.mine: list[Operation] = []

    def work(self, over: threading.Event) -> None:
        """One request after the other until `over`."""
        while not over.wait(self.pause):
            self._act()
        self.line.close()

    def _act(self) -> None:
        (kind,) = self.chance.choices(list(MIX), list(MIX.values()))
        operation = self._again() if kind == "retry" else self._new(kind)
        if operation is None:
            operation = self._new("book")
        if operation is None:
            time.sleep(0.01)
            return
        attempt = self.line.send(operation)
        # Half of the unknown outcomes are retried at once; the others stay open for now.
        while (
            not attempt.definite
            and operation.key
            and operation.kind != "reuse"
            and self.chance.random() < 0.5
        ):
            time.sleep(self.chance.uniform(0, 0.05))
            attempt = self.line.send(operation)
        if attempt.definite:
            self.board.learn(operation, attempt)

    def _again(self) -> Operation | None:
        """One of this client's own operations, to be retried; newer ones are likelier."""
        if not self.mine:
            return None
        back = min(int(self.chance.expovariate(0.1)), len(self.mine) - 1)
        return self.mine[-1 - back]

    def _new(self, kind: str) -> Operation | None:
        if kind == "reuse":
            return self._reuse()
        request = getattr(self, f"_{kind}")()
        if request is None:
            return None
        user, method, path, body = request
        key = self.board.key(user.id, kind) if method == "POST" else None
        if kind in ("cancel", "complete") and self.chance.random() < UNKEYED:
            key = None
        operation = self.history.begin(
            user=user.id,
            kind=kind,
            method=method,
            path=path,
            key=key,
            body=body,
            slot_id=(body or {}).get("slot_id", ""),
        )
        if key:
            self.mine.append(operation)
        return operation

    def _reuse(self) -> Operation | None:
        """Another request under a key that has an outcome."""
        known = [o for o in self.mine[-30:] if o.kind in ("book", "pay") and o.outcome]
        if not known:
            return None
        used = self.chance.choice(known)
        change = {"amount_minor": 1} if used.kind == "pay" else {"reason": "Another reason"}
        return self.history.begin(
            user=used.user,
            kind="reuse",
            method=used.method,
            path=used.path,
            key=used.key,
            body=(used.body or {}) | change,
        )

    def _publish(self) -> Any:
        start = PUBLISHED_FROM + timedelta(minutes=10 * self.chance.randrange(PUBLISHED))
        body = {
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(minutes=10)).isoformat(),
        }
        return self.chance.choice(self.clinic.doctors), "POST", "/v1/slots", body

    def _book(self) -> Any:
        slot = self.board.slot(self.chance, self.chance.choice(self.clinic.doctors).id)
        patient = self.chance.choice(self.clinic.patients)
        return slot and (patient, "POST", "/v1/consultations", {"slot_id": slot})

    def _scheduled(self) -> Booking | None:
        return self.board.booking(self.chance, self.board.scheduled)

    def _cancel(self) -> Any:
        if not (booking := self._scheduled()):
            return None
        user = self.chance.choice((booking.patient_id, booking.patient_id, booking.doctor_id))
        return self._person(user), "POST", f"/v1/consultations/{booking.id}/cancel", {}

    def _complete(self) -> Any:
        if not (booking := self._scheduled()):
            return None
        path = f"/v1/consultations/{booking.id}/complete"
        return self._person(booking.doctor_id), "POST", path, {"notes": "Seen"}

    def _reschedule(self) -> Any:
        if not (booking := self._scheduled()):
            return None
        slot = self.board.slot(self.chance, booking.doctor_id)
        path = f"/v1/consultations/{booking.id}/reschedule"
        return slot and (self._person(booking.patient_id), "POST", path, {"slot_id": slot})

    def _pay(self) -> Any:
        # Half of the payments are for the three newest bookings, which several clients pay at once,
        # often more than the fee.
        newest = self.chance.choice((3, 40))
        if not (booking := self.board.booking(self.chance, self.board.payable, newest)):
            return None
        body = {
            "amount_minor": self.chance.choice((5_000, 20_000, 30_000)),
            "currency": CURRENCY,
            "method": "card",
        }
        return self.clinic.admin, "POST", f"/v1/consultations/{booking.id}/payments", body

    def _refund(self) -> Any:
        if not (payment := self.board.payment(self.chance)):
            return None
        body = {"amount_minor": self.chance.choice((2_000, 5_000))}
        return self.clinic.admin, "POST", f"/v1/payments/{payment}/refunds", body

    def _read(self) -> Any:
        if not (booking := self.board.booking(self.chance, self.board.payable)):
            return None
        path = f"/v1/consultations/{booking.id}"
        return self._person(booking.patient_id), "GET", path, None

    def _list(self) -> Any:
        doctor = self.chance.choice(self.clinic.doctors).id
        patient = self.chance.choice(self.clinic.patients)
        return patient, "GET", f"/v1/doctors/{doctor}/slots?limit=10", None

    def _person(self, user_id: str) -> Person:
        return self.clinic.person[user_id]


@contextlib.contextmanager
def at_work(clients: Sequence[Client]) -> Iterator[None]:
    """The clients send requests while the block runs. Raises what they raise."""
    over = threading.Event()
    with ThreadPoolExecutor(len(clients)) as threads:
        work = [threads.submit(client.work, over) for client in clients]
        try:
            yield
        finally:
            over.set()
        for client in work:
            client.result()


def resolve(clinic: Clinic, history: History) -> int:
    """Repeat every request with an unknown outcome under its key until the outcome is known.

    Returns the number of these requests.
    """
    line = Line(clinic)
    unknown = [o for o in history.operations if o.key and o.outcome is None]
    # A request that reuses a key gets its outcome only after the key's first request has one.
    unknown.sort(key=lambda o: o.kind == "reuse")
    for operation in unknown:
        for _ in range(100):
            if line.send(operation).definite:
                break
            time.sleep(0.1)
    line.close()
    return len(unknown)


def _readable(sock: Any) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
