"""Random steps of the clinic, each made in the model and in the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from psycopg.pq import TransactionStatus

from tests.properties.model import FEE, Actor, Consultation, Model, Outcome, Slot
from tests.support.sql_client import Person, SqlClient

MORNING = datetime(2027, 1, 4, 8, tzinfo=UTC)
ACTORS = [
    *(Actor(name, "patient") for name in ("Anna", "Ben", "Cleo")),
    *(Actor(name, "doctor") for name in ("Dr. Ito", "Dr. Jung")),
    Actor("Olga", "admin"),
]
CLOCK = """
    create or replace function app.clock() returns timestamptz language sql stable
    set search_path = pg_catalog, pg_temp
    as $$ select current_setting('test.now')::timestamptz $$"""
STATE = """
    select 'slot', id::text, status, starts_at::timestamptz, null::bigint
      from app.availability_slots
     union all
    select 'consultation', c.id::text, c.status, c.starts_at::timestamptz,
           (select coalesce(sum(case p.kind when 'payment' then p.amount_minor
                                            else -p.amount_minor end), 0)
              from app.payments as p where p.consultation_id = c.id)
      from app.consultations as c"""

DOCTORS = ACTORS[3:5]

actors = st.sampled_from(ACTORS)
# Most steps are by an actor with the right role. Few keys, so that some are reused.
patients = st.one_of(st.sampled_from(ACTORS[:3]), actors)
doctors = st.one_of(st.sampled_from(DOCTORS), actors)
admins = st.one_of(st.just(ACTORS[5]), actors)
keys = st.integers(1, 30).map(lambda n: f"k{n}")
maybe_keys = st.one_of(st.none(), keys)
which = st.integers(0, 1000)
mostly = st.integers(0, 4).map(bool)
quarters = st.integers(-2, 24)
amounts = st.sampled_from([-1, 0, 1, 2500, 2500, 2501, 5000, 5000, 5001])


class World:
    """A database and the people in it."""

    def __init__(self, client: SqlClient, people: dict[str, Person]) -> None:
        self.client = client
        self.people = people
        self.answers: Counter[tuple[str, str]] = Counter()


class History(RuleBasedStateMachine):
    """One history of the clinic, in one transaction that is rolled back."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.ids: dict[int, str] = {}
        self.requests: list[tuple[Actor, str, tuple[object, ...], dict[str, object]]] = []
        self.connection = self.world.client.connection
        self.connection.execute("begin")
        self._set_clock()

    def teardown(self) -> None:
        self.connection.execute("rollback")

    # Steps

    @initialize(
        doctor=st.sampled_from(DOCTORS),
        starts=st.lists(quarters, min_size=4, max_size=12),
        patient=st.one_of(st.none(), st.sampled_from(ACTORS[:3])),
    )
    def publish_first_slots(self, doctor: Actor, starts: list[int], patient: Actor | None) -> None:
        for start in starts:
            self._publish(doctor, None, start, 30)
        # Another doctor has slots at overlapping times.
        (other,) = (colleague for colleague in DOCTORS if colleague != doctor)
        for start in starts[::2]:
            self._publish(other, None, start + 1, 30)
        if patient:
            self._pay_for_a_first_consultation(doctor, patient)

    @rule(actor=doctors, key=maybe_keys, start=quarters, length=st.sampled_from([0, 15, 30, 45]))
    def publish(self, actor: Actor, key: str | None, start: int, length: int) -> None:
        self._publish(actor, key, start, length)

    @precondition(lambda self: self.model.slots)
    @rule(actor=doctors, n=which)
    def withdraw(self, actor: Actor, n: int) -> None:
        slot = self._slot(n)
        self._run_step(actor, "withdraw_slot", (slot,), slot_id=self.ids[id(slot)])

    @precondition(lambda self: self.model.slots)
    @rule(actor=patients, key=keys, n=which)
    def book(self, actor: Actor, key: str, n: int) -> None:
        slot = self._slot(n)
        arguments = {"slot_id": self.ids[id(slot)], "idempotency_key": key}
        self._run_step(actor, "book_consultation", (key, slot), **arguments)

    @precondition(lambda self: self.model.consultations)
    @rule(actor=patients, key=keys, n=which, m=which, as_patient=mostly)
    def reschedule(self, actor: Actor, key: str, n: int, m: int, as_patient: bool) -> None:
        consultation, slot = self._consultation(n), self._slot(m)
        actor = Actor(consultation.patient, "patient") if as_patient else actor
        arguments = {"consultation_id": self.ids[id(consultation)], "slot_id": self.ids[id(slot)]}
        self._run_step(
            actor,
            "reschedule_consultation",
            (key, consultation, slot),
            **arguments,
            idempotency_key=key,
        )

    @precondition(lambda self: self.model.consultations)
    @rule(actor=actors, key=maybe_keys, n=which)
    def cancel(self, actor: Actor, key: str | None, n: int) -> None:
        self._change("cancel_consultation", actor, key, n)

    @precondition(lambda self: self.model.consultations)
    @rule(actor=doctors, key=maybe_keys, n=which, as_doctor=mostly)
    def complete(self, actor: Actor, key: str | None, n: int, as_doctor: bool) -> None:
        doctor = self._consultation(n).slot.doctor
        self._change(
            "complete_consultation", Actor(doctor, "doctor") if as_doctor else actor, key, n
        )

    @precondition(lambda self: self.model.consultations)
    @rule(actor=admins, key=keys, n=which, amount=amounts)
    def pay(self, actor: Actor, key: str, n: int, amount: int) -> None:
        money = {"amount_minor": amount, "currency": "EUR", "method": "card"}
        self._change("record_payment", actor, key, n, (amount,), **money)

    @precondition(lambda self: self.model.payments)
    @rule(actor=admins, key=keys, n=which, amount=amounts)
    def refund(self, actor: Actor, key: str, n: int, amount: int) -> None:
        payment = self.model.payments[n % len(self.model.payments)]
        arguments = {"payment_id": self.ids[id(payment)], "amount_minor": amount}
        self._run_step(
            actor, "refund_payment", (key, payment, amount), **arguments, idempotency_key=key
        )

    @precondition(lambda self: self.requests)
    @rule(n=which)
    def repeat(self, n: int) -> None:
        """A client repeats a request under its key, at once or much later."""
        actor, function, model_arguments, arguments = self.requests[n % len(self.requests)]
        self._run_step(actor, function, model_arguments, **arguments)

    @rule(minutes=st.sampled_from([1, 7, 15, 60]))
    def wait(self, minutes: int) -> None:
        self.model.now += minutes
        self._set_clock()

    # After each step

    @invariant()
    def the_tables_are_as_in_the_model(self) -> None:
        expected = {
            ("slot", self.ids[id(slot)], slot.status, at(slot.start), None)
            for slot in self.model.slots
        } | {
            ("consultation", self.ids[id(c)], c.status, at(c.slot.start), c.paid)
            for c in self.model.consultations
        }
        with self._as_superuser() as connection:
            found = set(connection.execute(STATE).fetchall())
        assert found == expected, (found - expected, expected - found)

    # Helpers

    def _pay_for_a_first_consultation(self, doctor: Actor, patient: Actor) -> None:
        """Book, move and pay a consultation later than all other slots, and refund a part of it.

        Random steps alone refund a payment in few histories, and for some seeds in none.
        """
        admin, slots = ACTORS[5], len(self.model.slots)
        for start in (100, 102):
            self._publish(doctor, None, start, 30)
        self.book(patient, "first booking", slots)
        self.reschedule(patient, "first move", 0, slots + 1, as_patient=True)
        self.pay(admin, "first payment", 0, FEE)
        self.refund(admin, "first refund", 0, FEE // 2)

    def _publish(self, actor: Actor, key: str | None, start: int, length: int) -> None:
        times = {"starts_at": at(15 * start), "ends_at": at(15 * start + length)}
        model_arguments = (key, 15 * start, 15 * start + length)
        self._run_step(actor, "publish_slot", model_arguments, **times, idempotency_key=key)

    def _change(
        self,
        function: str,
        actor: Actor,
        key: str | None,
        n: int,
        more: tuple[object, ...] = (),
        **arguments: object,
    ) -> None:
        consultation = self._consultation(n)
        of_consultation = {"consultation_id": self.ids[id(consultation)], "idempotency_key": key}
        self._run_step(actor, function, (key, consultation, *more), **of_consultation, **arguments)

    def _run_step(
        self, actor: Actor, function: str, model_arguments: tuple[object, ...], **arguments: object
    ) -> None:
        """Make the same step in the model and in the database."""
        if arguments.get("idempotency_key"):
            self.requests.append((actor, function, model_arguments, arguments))
        expected: Outcome = getattr(self.model, function)(actor, *model_arguments)
        self.connection.execute("savepoint step")
        answer = self.world.client.call(self.world.people[actor.name], function, **arguments)
        self.world.answers[function, answer.code or ("again" if answer.replayed else "done")] += 1
        details = (function, actor, arguments, answer, expected)
        assert answer.code == expected.code, details
        assert answer.replayed == expected.replayed, details
        # An error; a refusal that is stored under its key does not abort the transaction.
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            self.connection.execute("rollback to step")
        if expected.code:
            return
        # A refund is a row of its own; the model adds it to its payment.
        made = expected.made
        if function != "refund_payment":
            known = self.ids.setdefault(id(made), answer.row["id"])
            assert known == answer.row["id"], details

    @contextmanager
    def _as_superuser(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """As a superuser in the same transaction: others do not see its changes."""
        self.connection.execute("reset session authorization")
        yield self.connection
        self.connection.execute("set session authorization telemed_api")

    def _set_clock(self) -> None:
        self.connection.execute(
            "select set_config('test.now', %s, true)", (at(self.model.now).isoformat(),)
        )

    def _slot(self, n: int) -> Slot:
        return self.model.slots[n % len(self.model.slots)]

    def _consultation(self, n: int) -> Consultation:
        return self.model.consultations[n % len(self.model.consultations)]


def at(minutes: int) -> datetime:
    return MORNING + timedelta(minutes=minutes)
