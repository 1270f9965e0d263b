"""The parts of every race: people, slots, clients that act at once, and an observer."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier
from typing import Any, TypeAlias, TypeVar

import psycopg

from api.db import CONTEXT
from scripts.system import CommandError
from tests.support import context
from tests.support.client import PASSWORD, at, ok
from tests.support.client import Client as Api
from tests.support.people import log_in
from tests.support.sql_client import Client, Person

FEE_MINOR = 5000
SLOT = timedelta(minutes=15)

# A superuser's connection, which reads the tables.
Observer: TypeAlias = psycopg.Connection[tuple[Any, ...]]
T = TypeVar("T")


@dataclass
class Run:
    """The parameters of a run, and how long it took."""

    rounds: int
    clients: int
    seed: str
    seconds: float = 0.0


@dataclass
class Tally:
    """The counts of one race."""

    race: str
    way: str
    rounds: int
    seconds: float = 0.0
    requests: int = 0
    winners: int = 0
    replays: int = 0
    wrong: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        refused = ", ".join(f"{code} {n}" for code, n in self.refused.items())
        return (
            f"{self.race} ({self.way}): {self.rounds} rounds, {self.requests} requests,"
            f" {self.winners} winners, {refused}, {self.replays} replays,"
            f" {self.requests / self.seconds:.0f}/s"
        )


@dataclass
class Findings:
    """The state of the database after all races."""

    rules: int
    violations: dict[str, int]
    deadlocks: int
    version: str

    def text(self) -> str:
        broken = ", ".join(f"{name} {n} times" for name, n in self.violations.items())
        return f"{self.rules} invariants, broken: {broken or 'none'}; deadlocks: {self.deadlocks}"


class People:
    """Accounts, made through HTTP and used by the races through SQL, too."""

    def __init__(self, anonymous: Api, admin: Api, patients: int) -> None:
        self._anonymous = anonymous
        self._admin_api = admin
        self._doctors = 0
        self.admin = Person(admin.id, "admin", admin.session_id, admin)
        # A worker hashes, or lets wait, in half of its threads, which are half of the clients.
        with ThreadPoolExecutor(min(8, patients // 4)) as threads:
            self.patients = list(threads.map(self._new_patient, range(patients)))

    def new_doctor(self) -> Person:
        self._doctors += 1
        email = f"doctor{self._doctors}@races.test"
        body = {
            "email": email,
            "password": PASSWORD,
            "full_name": "Dora Doctor",
            "specialty": "Dermatology",
            "time_zone": "UTC",
            "fee_minor": FEE_MINOR,
            "currency": "EUR",
        }
        ok(self._admin_api.post("/v1/admin/doctors", body), 201)
        return self._person(email, "doctor")

    def _new_patient(self, number: int) -> Person:
        email = f"patient{number}@races.test"
        body = {"email": email, "password": PASSWORD, "full_name": "Pat Patient"}
        ok(self._anonymous.post("/v1/auth/signup", body), 201)
        return self._person(email, "patient")

    def _person(self, email: str, role: str) -> Person:
        client = log_in(self._anonymous, email)
        return Person(client.id, role, client.session_id, client)


class Calendar:
    """Hands out slots at times that no other slot has, so that no patient is busy then."""

    def __init__(self) -> None:
        self._free = at(2, 0)

    def slots(self, observer: Observer, doctor: Person, count: int) -> list[str]:
        start, self._free = self._free, self._free + count * SLOT
        statement = (
            f"{CONTEXT} insert into app.availability_slots (doctor_id, starts_at, ends_at)"
            " select %s, starts_at, starts_at + %s"
            "   from context, generate_series(%s, %s, %s) as starts_at"
            " returning id::text"
        )
        times = (SLOT, start, start + (count - 1) * SLOT, SLOT)
        signed = context.values(doctor.id, doctor.role, "slots", doctor.session_id)
        rows = observer.execute(statement.encode(), (*signed, doctor.id, *times))
        return [id_ for (id_,) in rows]


class Scene:
    """One race in one way, round after round. The first wrong answer ends it.

    Each client has its own patient, and each race its own doctor.
    """

    def __init__(
        self,
        tally: Tally,
        run: Run,
        clients: Sequence[Client],
        people: People,
        calendar: Calendar,
        observer: Observer,
    ) -> None:
        self.tally = tally
        self.rounds = tally.rounds
        self.clients = clients
        self.patients = people.patients
        self.admin = people.admin
        self.doctor = people.new_doctor()
        self.chance = random.Random(f"{run.seed} {tally.race} {tally.way}")
        self._seed = run.seed
        self._calendar = calendar
        self._observer = observer
        self._round = 0
        self._allowed: frozenset[str] = frozenset()
        self._barrier = Barrier(len(clients))
        self._threads = ThreadPoolExecutor(len(clients))

    def close(self) -> None:
        self._threads.shutdown()
        for client in self.clients:
            client.close()

    def slots(self, count: int) -> list[str]:
        """Ids of new open slots of the doctor."""
        return self._calendar.slots(self._observer, self.doctor, count)

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of the tables."""
        return self._observer.execute(query.encode(), values).fetchall()

    def bookings(self) -> dict[str, str]:
        """Slot and patient of every consultation with the doctor."""
        found = self.rows(
            "select slot_id::text, patient_id::text from app.consultations"
            " where doctor_id = %s and status = 'scheduled'",
            (self.doctor.id,),
        )
        self.expect("consultations that share a slot", len(found) - len(dict(found)), 0)
        return dict(found)

    def written(self) -> tuple[int, int]:
        """The number of idempotency keys, and the number of changes of all other tables."""
        ((keys, changes),) = self.rows(
            "select (select count(*) from app.idempotency_keys),"
            " (select count(*) from app.audit_logs)"
        )
        return keys, changes

    def race(self, rounds: Iterable[T], *refusals: str) -> Iterator[T]:
        """Yield and count each of `rounds`; answers must be successes or `refusals`."""
        self._allowed = frozenset(("", *refusals))
        self.tally.refused.update(dict.fromkeys(refusals, 0))
        for client in self.clients:
            client.answers.clear()
        for self._round, item in enumerate(rounds, 1):
            yield item
            self._count()

    def at_once(self, calls: Sequence[Callable[[], T]], slots: Sequence[str] = ()) -> list[T]:
        """Results of one call for each client, started at the same moment by a barrier.

        Through SQL, in about every fourth round, `slots` are locked until every client waits for
        one of them or has its answer, so that all of them compete.
        """

        def act(call: Callable[[], T]) -> T:
            self._barrier.wait()
            return call()

        hold = slots and self.tally.way == "SQL" and self.chance.random() < 0.25
        began = time.monotonic()
        with self._observer.transaction() if hold else nullcontext():
            if hold:
                self.rows(
                    "select from app.availability_slots where id = any (%s::uuid[])"
                    " order by id for no key update",
                    (list(slots),),
                )
            answers = [self._threads.submit(act, call) for call in calls]
            while hold and self._waiting() + sum(a.done() for a in answers) < len(answers):
                time.sleep(0.001)  # leaves the processor to the others
        results = [answer.result() for answer in answers]
        self.tally.seconds += time.monotonic() - began
        return results

    def _waiting(self) -> int:
        """How many clients wait for a lock."""
        ((waiting,),) = self.rows(
            "select count(*) from pg_stat_activity"
            " where usename = 'telemed_api' and wait_event_type = 'Lock'"
        )
        return int(waiting)

    def expect(self, subject: str, seen: object, expected: object) -> None:
        """Stop unless `seen` is as expected."""
        if seen != expected:
            self.tally.wrong += 1
            raise CommandError(
                f"{self.tally.race} ({self.tally.way}), round {self._round}, SEED={self._seed}:"
                f" {subject}: {seen}, not {expected}"
            )

    def _count(self) -> None:
        answers = [answer for client in self.clients for answer in client.answers]
        for client in self.clients:
            client.answers.clear()
        codes = Counter(answer.code for answer in answers)
        unexpected = {code: n for code, n in codes.items() if code not in self._allowed}
        self.expect("unexpected answers", unexpected, {})
        self.tally.requests += len(answers)
        self.tally.winners += sum(not (a.code or a.replayed) for a in answers)
        self.tally.replays += sum(a.replayed for a in answers)
        self.tally.refused.update({code: n for code, n in codes.items() if code})
