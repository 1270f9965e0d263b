"""A second implementation of the rules of booking and money, in Python.

Every method returns the expected answer of the function of the same name: a code, or "" and the
effect. Amounts are minor units, times are minutes from the start of the model's first day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

FEE = 5000
Request = tuple[object, ...]


class Actor(NamedTuple):
    name: str
    role: str


@dataclass
class Slot:
    doctor: str
    start: int
    end: int
    status: str = "open"

    def overlaps(self, other: Slot) -> bool:
        return self.start < other.end and other.start < self.end


@dataclass
class Consultation:
    patient: str
    slot: Slot
    status: str = "scheduled"
    paid: int = 0

    @property
    def people(self) -> set[str]:
        return {self.patient, self.slot.doctor}


@dataclass
class Payment:
    consultation: Consultation
    amount: int
    refunded: int = 0


class RefusedError(Exception):
    """The refusal of an act that the present state does not allow."""


@dataclass
class Outcome:
    """made: the object that was made or changed; replayed: whether an earlier request did so."""

    code: str = ""
    made: object = None
    replayed: bool = False


@dataclass
class Model:
    now: int = 0
    slots: list[Slot] = field(default_factory=list)
    consultations: list[Consultation] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    keys: dict[tuple[str, str, str], tuple[Request, Outcome]] = field(default_factory=dict)

    # The functions

    def publish_slot(self, actor: Actor, key: str | None, start: int, end: int) -> Outcome:
        if actor.role != "doctor":
            return Outcome("TM301")

        def publish() -> Slot:
            new = Slot(actor.name, start, end)
            mine = (s for s in self.slots if s.doctor == actor.name and s.status != "withdrawn")
            if any(slot.overlaps(new) for slot in mine):
                raise RefusedError("TM902")
            self.slots.append(new)
            return new

        wrong = "TM202" if start <= self.now or end <= start else ""
        return self._once(actor, "publish_slot", key, (start, end), publish, wrong)

    def withdraw_slot(self, actor: Actor, slot: Slot) -> Outcome:
        if actor.role != "doctor":
            return Outcome("TM301")
        if slot.doctor != actor.name:
            return Outcome("TM402")
        if slot.status == "booked":
            return Outcome("TM910")
        slot.status = "withdrawn"
        return Outcome(made=slot)

    def book_consultation(self, actor: Actor, key: str, slot: Slot) -> Outcome:
        if actor.role != "patient":
            return Outcome("TM301")

        def book() -> Consultation:
            self._must_be_free(actor.name, slot)
            slot.status = "booked"
            booked = Consultation(actor.name, slot)
            self.consultations.append(booked)
            return booked

        return self._once(actor, "book_consultation", key, (id(slot),), book)

    def reschedule_consultation(
        self, actor: Actor, key: str, consultation: Consultation, slot: Slot
    ) -> Outcome:
        if actor.role != "patient":
            return Outcome("TM301")
        if actor.name != consultation.patient:
            return Outcome("TM403")

        def move() -> Consultation:
            if consultation.status != "scheduled":
                raise RefusedError("TM905")
            if consultation.slot.start <= self.now:
                raise RefusedError("TM906")
            if consultation.slot is slot:
                raise RefusedError("TM917")
            self._must_be_free(actor.name, slot, except_for=consultation)
            consultation.slot.status = "open"
            slot.status = "booked"
            consultation.slot = slot
            return consultation

        wrong = "TM207" if slot.doctor != consultation.slot.doctor else ""
        request = (id(consultation), id(slot))
        return self._once(actor, "reschedule_consultation", key, request, move, wrong)

    def cancel_consultation(
        self, actor: Actor, key: str | None, consultation: Consultation
    ) -> Outcome:
        if actor.role != "admin" and actor.name not in consultation.people:
            return Outcome("TM403")

        def cancel() -> Consultation:
            if consultation.status != "scheduled":
                raise RefusedError("TM905")
            if actor.role == "patient" and consultation.slot.start <= self.now:
                raise RefusedError("TM906")
            consultation.status = "cancelled"
            consultation.slot.status = "open"
            return consultation

        return self._once(actor, "cancel_consultation", key, (id(consultation),), cancel)

    def complete_consultation(
        self, actor: Actor, key: str | None, consultation: Consultation
    ) -> Outcome:
        if actor.role != "doctor":
            return Outcome("TM301")
        if actor.name != consultation.slot.doctor:
            return Outcome("TM403")

        def complete() -> Consultation:
            if consultation.status != "scheduled":
                raise RefusedError("TM905")
            consultation.status = "completed"
            return consultation

        return self._once(actor, "complete_consultation", key, (id(consultation),), complete)

    def record_payment(
        self, actor: Actor, key: str, consultation: Consultation, amount: int
    ) -> Outcome:
        if actor.role != "admin":
            return Outcome("TM301")

        def pay() -> Payment:
            if consultation.status == "cancelled":
                raise RefusedError("TM905")
            if consultation.paid + amount > FEE:
                raise RefusedError("TM908")
            consultation.paid += amount
            self.payments.append(Payment(consultation, amount))
            return self.payments[-1]

        wrong = "TM201" if amount <= 0 else ""
        request = (id(consultation), amount)
        return self._once(actor, "record_payment", key, request, pay, wrong)

    def refund_payment(self, actor: Actor, key: str, payment: Payment, amount: int) -> Outcome:
        if actor.role != "admin":
            return Outcome("TM301")

        def refund() -> Payment:
            if payment.refunded + amount > payment.amount:
                raise RefusedError("TM909")
            payment.refunded += amount
            payment.consultation.paid -= amount
            return payment

        wrong = "TM201" if amount <= 0 else ""
        return self._once(actor, "refund_payment", key, (id(payment), amount), refund, wrong)

    # Shared rules

    def _must_be_free(
        self, patient: str, slot: Slot, except_for: Consultation | None = None
    ) -> None:
        if slot.status != "open":
            holds = any(
                c.patient == patient and c.slot is slot and c.status != "cancelled"
                for c in self.consultations
            )
            raise RefusedError("TM918" if holds else "TM901")
        if slot.start <= self.now:
            raise RefusedError("TM903")
        mine = (
            c
            for c in self.consultations
            if c.patient == patient and c.status == "scheduled" and c is not except_for
        )
        if any(c.slot.overlaps(slot) for c in mine):
            raise RefusedError("TM904")

    def _once(
        self,
        actor: Actor,
        operation: str,
        key: str | None,
        request: Request,
        act: Callable[[], object],
        wrong: str = "",
    ) -> Outcome:
        """Act, unless the key has an outcome already; wrong: a refusal that is not stored."""
        place = (actor.name, operation, key or "")
        if key is not None and place in self.keys:
            known, outcome = self.keys[place]
            if known != request:
                return Outcome("TM203")
            return Outcome(outcome.code, outcome.made, replayed=True)
        if wrong:
            return Outcome(wrong)
        try:
            outcome = Outcome(made=act())
        except RefusedError as refusal:
            outcome = Outcome(str(refusal))
        if key is not None:
            self.keys[place] = (request, outcome)
        return outcome
