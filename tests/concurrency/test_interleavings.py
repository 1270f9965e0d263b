"""Two transactions step by step, in the manner of PostgreSQL's isolation tests.

A first session begins a transaction and calls a function. A second session calls another function,
and either waits for the first or not. Then the first commits or rolls back. The scene is always the
same: a consultation in slot 1, and an open slot 2 of the same doctor.
"""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.types.json import Jsonb

from api.db import CONTEXT
from scripts.server import Cluster
from tests.support import context
from tests.support.client import at, new_key
from tests.support.sql_client import Answer, Person, SqlClient

FEE_MINOR = 5000
HASH = "$2b$04$" + "." * 53  # the hash of no known password

Call = tuple[Person, str, dict[str, object]]
Rows = list[tuple[Any, ...]]
Connection = psycopg.Connection[tuple[Any, ...]]


class State(NamedTuple):
    """The final state. evening: the slot that "publish" adds."""

    consultation: str
    slot_1: str
    slot_2: str
    evening: str = ""


# The answer and the final state of each function alone, or when the other session rolls back.
ALONE = {
    "book 2": ("", State("in 1", "booked", "booked")),
    "book 1": ("TM901", State("in 1", "booked", "open")),
    "move to 2": ("", State("in 2", "open", "booked")),
    "cancel": ("", State("cancelled", "open", "open")),
    "complete": ("", State("completed", "booked", "open")),
    "pay": ("", State("in 1", "booked", "open")),
    "withdraw 2": ("", State("in 1", "booked", "withdrawn")),
    "publish": ("", State("in 1", "booked", "open", "open")),
    "day off": ("", State("in 1", "booked", "withdrawn")),
}

# first, second, whether the second waits, its answer and the final state if the first commits
INTERLEAVINGS = [
    # Only one of two calls can take the open slot.
    ("book 2", "book 2", True, "TM901", State("in 1", "booked", "booked")),
    ("book 2", "move to 2", True, "TM901", State("in 1", "booked", "booked")),
    ("book 2", "withdraw 2", True, "TM910", State("in 1", "booked", "booked")),
    ("book 2", "day off", True, "", State("in 1", "booked", "booked")),
    ("book 2", "book 1", False, "TM901", State("in 1", "booked", "booked")),
    ("book 2", "cancel", False, "", State("cancelled", "open", "booked")),
    ("book 2", "complete", False, "", State("completed", "booked", "booked")),
    ("book 2", "pay", False, "", State("in 1", "booked", "booked")),
    ("book 2", "publish", False, "", State("in 1", "booked", "booked", "open")),
    # A cancelled consultation stays cancelled. Its slot is open once that commits.
    ("cancel", "book 1", False, "TM901", State("cancelled", "open", "open")),
    ("cancel", "cancel", True, "TM905", State("cancelled", "open", "open")),
    ("cancel", "complete", True, "TM905", State("cancelled", "open", "open")),
    ("cancel", "move to 2", True, "TM905", State("cancelled", "open", "open")),
    ("cancel", "pay", True, "TM905", State("cancelled", "open", "open")),
    ("cancel", "day off", True, "", State("cancelled", "withdrawn", "withdrawn")),
    ("cancel", "publish", True, "", State("cancelled", "open", "open", "open")),
    ("cancel", "book 2", False, "", State("cancelled", "open", "booked")),
    ("cancel", "withdraw 2", False, "", State("cancelled", "open", "withdrawn")),
    # A completed consultation stays completed, and may still be paid.
    ("complete", "cancel", True, "TM905", State("completed", "booked", "open")),
    ("complete", "complete", True, "TM905", State("completed", "booked", "open")),
    ("complete", "move to 2", True, "TM905", State("completed", "booked", "open")),
    ("complete", "pay", True, "", State("completed", "booked", "open")),
    ("complete", "book 1", False, "TM901", State("completed", "booked", "open")),
    ("complete", "book 2", False, "", State("completed", "booked", "booked")),
    ("complete", "withdraw 2", False, "", State("completed", "booked", "withdrawn")),
    ("complete", "publish", False, "", State("completed", "booked", "open", "open")),
    ("complete", "day off", False, "", State("completed", "booked", "withdrawn")),
    # A call after a reschedule finds the consultation in its new slot.
    ("move to 2", "cancel", True, "", State("cancelled", "open", "open")),
    ("move to 2", "complete", True, "", State("completed", "open", "booked")),
    ("move to 2", "pay", True, "", State("in 2", "open", "booked")),
    ("move to 2", "book 2", True, "TM901", State("in 2", "open", "booked")),
    ("move to 2", "move to 2", True, "TM917", State("in 2", "open", "booked")),
    ("move to 2", "withdraw 2", True, "TM910", State("in 2", "open", "booked")),
    ("move to 2", "day off", True, "", State("in 2", "withdrawn", "booked")),
    ("move to 2", "publish", True, "", State("in 2", "open", "booked", "open")),
    ("move to 2", "book 1", False, "TM901", State("in 2", "open", "booked")),
    # A payment locks the consultation until it commits, and is never recorded twice.
    ("pay", "pay", True, "TM908", State("in 1", "booked", "open")),
    ("pay", "cancel", True, "", State("cancelled", "open", "open")),
    ("pay", "complete", True, "", State("completed", "booked", "open")),
    ("pay", "move to 2", True, "", State("in 2", "open", "booked")),
    ("pay", "book 1", False, "TM901", State("in 1", "booked", "open")),
    ("pay", "book 2", False, "", State("in 1", "booked", "booked")),
    ("pay", "withdraw 2", False, "", State("in 1", "booked", "withdrawn")),
    ("pay", "publish", False, "", State("in 1", "booked", "open", "open")),
    ("pay", "day off", False, "", State("in 1", "booked", "withdrawn")),
    # A withdrawn slot cannot be booked. Withdrawing it again succeeds.
    ("withdraw 2", "book 2", True, "TM901", State("in 1", "booked", "withdrawn")),
    ("withdraw 2", "move to 2", True, "TM901", State("in 1", "booked", "withdrawn")),
    ("withdraw 2", "withdraw 2", True, "", State("in 1", "booked", "withdrawn")),
    ("withdraw 2", "day off", True, "", State("in 1", "booked", "withdrawn")),
    ("withdraw 2", "book 1", False, "TM901", State("in 1", "booked", "withdrawn")),
    ("withdraw 2", "cancel", False, "", State("cancelled", "open", "withdrawn")),
    ("withdraw 2", "complete", False, "", State("completed", "booked", "withdrawn")),
    ("withdraw 2", "pay", False, "", State("in 1", "booked", "withdrawn")),
    ("withdraw 2", "publish", False, "", State("in 1", "booked", "withdrawn", "open")),
    # Publications of one doctor run one at a time. A call that frees a slot waits for the doctor.
    ("publish", "publish", True, "TM902", State("in 1", "booked", "open", "open")),
    ("publish", "day off", True, "", State("in 1", "booked", "withdrawn", "withdrawn")),
    ("publish", "cancel", True, "", State("cancelled", "open", "open", "open")),
    ("publish", "move to 2", True, "", State("in 2", "open", "booked", "open")),
    ("publish", "book 1", False, "TM901", State("in 1", "booked", "open", "open")),
    ("publish", "book 2", False, "", State("in 1", "booked", "booked", "open")),
    ("publish", "complete", False, "", State("completed", "booked", "open", "open")),
    ("publish", "pay", False, "", State("in 1", "booked", "open", "open")),
    ("publish", "withdraw 2", False, "", State("in 1", "booked", "withdrawn", "open")),
    # On a day off no slot is or becomes open; bookings stand.
    ("day off", "book 2", True, "TM901", State("in 1", "booked", "withdrawn")),
    ("day off", "move to 2", True, "TM901", State("in 1", "booked", "withdrawn")),
    ("day off", "withdraw 2", True, "", State("in 1", "booked", "withdrawn")),
    ("day off", "cancel", True, "", State("cancelled", "withdrawn", "withdrawn")),
    ("day off", "publish", True, "TM913", State("in 1", "booked", "withdrawn")),
    ("day off", "day off", True, "TM913", State("in 1", "booked", "withdrawn")),
    ("day off", "book 1", False, "TM901", State("in 1", "booked", "withdrawn")),
    ("day off", "complete", False, "", State("completed", "booked", "withdrawn")),
    ("day off", "pay", False, "", State("in 1", "booked", "withdrawn")),
]


@dataclass
class TwoSessions:
    """Two sessions, an observer of them, and people; each test uses a new day of the doctor.

    workers: two more sessions, of the worker's login.
    """

    first: SqlClient
    second: SqlClient
    workers: tuple[Connection, Connection]
    observer: Connection
    thread: ThreadPoolExecutor
    admin: Person
    doctor: Person
    patient: Person
    others: list[Person]
    days: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    violations: dict[str, int] = field(default_factory=dict)

    def new_day(self) -> Day:
        """A day with the scene on it."""
        morning = at(next(self.days), 9)
        (slot_1,), (slot_2,) = self.rows(
            f"{CONTEXT} insert into app.availability_slots (doctor_id, starts_at, ends_at)"
            " select %s, starts_at, starts_at + interval '30 minutes'"
            "   from context, unnest(%s::timestamptz[]) as starts_at"
            " returning id::text",
            (
                *context.values(self.doctor.id, self.doctor.role, "slots", self.doctor.session_id),
                *(self.doctor.id, [morning, morning + timedelta(hours=1)]),
            ),
        )
        self.second.request_id = f"scene {slot_1}"
        booked = self.second.call(
            self.patient, "book_consultation", slot_id=slot_1, idempotency_key=new_key()
        )
        self.first.request_id, self.second.request_id = f"first {slot_1}", f"second {slot_1}"
        return Day(self, morning, slot_1, slot_2, booked.row["id"])

    def interleave(self, first: Call, second: Call, end: str) -> tuple[Answer, bool, Answer]:
        """The first answer, whether the second call waited for that transaction, its answer.

        end: how the first transaction ends, commit or rollback.
        """
        self.first.connection.execute("begin")
        answer = call(self.first, first)
        concurrent = self.thread.submit(call, self.second, second)
        waited = self._waits(concurrent, self.first.connection, self.second.connection)
        self.first.connection.execute(end.encode())
        return answer, waited, concurrent.result()

    def interleave_workers(self, first: str, second: str, end: str) -> tuple[Rows, bool, Rows]:
        """The rows of two queries of workers, and whether the second waited for the first."""
        one, two = self.workers
        one.execute("begin")
        found = one.execute(first.encode()).fetchall()
        concurrent = self.thread.submit(lambda: two.execute(second.encode()).fetchall())
        waited = self._waits(concurrent, one, two)
        one.execute(end.encode())
        return found, waited, concurrent.result()

    def rows(self, query: str, values: Sequence[object] = ()) -> Rows:
        """The rows that a superuser sees."""
        return self.observer.execute(query.encode(), values).fetchall()

    def has_changes(self, client: SqlClient) -> bool:
        """Whether the audit log has a change by this client's call."""
        query = "select exists (select from app.audit_logs where request_id = %s)"
        return self.rows(query, (client.request_id,)) == [(True,)]

    def stored_refusal(self, key: object) -> str | None:
        """The refusal that is stored under a key; None for another outcome."""
        query = "select refusal_code from app.idempotency_keys where key = %s"
        ((code,),) = self.rows(query, (key,))
        return code

    def new_violations(self) -> list[str]:
        """Invariants with more violations than at the last call."""
        before = self.violations
        self.violations = dict(self.rows("select name, violations from ops.check_invariants()"))
        return [name for name, n in self.violations.items() if n > before.get(name, 0)]

    def _waits(self, concurrent: Future[Any], first: Connection, second: Connection) -> bool:
        pids = (first.info.backend_pid, second.info.backend_pid)
        while not concurrent.done():
            if self.rows("select %s = any (pg_blocking_pids(%s))", pids) == [(True,)]:
                return True
            wait([concurrent], timeout=0.001)  # leaves the processor to the others
        return False


@dataclass
class Day:
    """One day of the doctor: slots 1 and 2, the consultation, and an evening without slots."""

    clinic: TwoSessions
    morning: datetime
    slot_1: str
    slot_2: str
    consultation: str

    def call(self, name: str, session: int) -> Call:
        """The person, function and arguments of a call in the first (0) or second (1) session."""
        doctor, patient = self.clinic.doctor, self.clinic.patient
        other = self.clinic.others[session]
        key = {"idempotency_key": new_key()}
        consultation = {"consultation_id": self.consultation}
        slot_1, slot_2 = {"slot_id": self.slot_1}, {"slot_id": self.slot_2}
        evening, night = (self.morning + timedelta(hours=hours) for hours in (9, 12))
        fee = {"amount_minor": FEE_MINOR, "currency": "EUR", "method": "card"}
        calls: dict[str, Call] = {
            "book 1": (other, "book_consultation", {**slot_1, **key}),
            "book 2": (other, "book_consultation", {**slot_2, **key}),
            "move to 2": (patient, "reschedule_consultation", {**consultation, **slot_2, **key}),
            "cancel": (patient, "cancel_consultation", {**consultation, **key}),
            "complete": (doctor, "complete_consultation", {**consultation, **key}),
            "pay": (self.clinic.admin, "record_payment", {**consultation, **fee, **key}),
            "withdraw 2": (doctor, "withdraw_slot", {**slot_2}),
            "publish": (doctor, "publish_slot", {"starts_at": evening, "ends_at": night, **key}),
            "day off": (
                doctor,
                "take_time_off",
                {"starts_at": self.morning, "ends_at": night, **key},
            ),
        }
        return calls[name]

    def state(self) -> State:
        """The state of the tables."""
        ((status, slot_id),) = self.clinic.rows(
            "select status, slot_id::text from app.consultations where id = %s",
            (self.consultation,),
        )
        slots = self.clinic.rows(
            "select status from app.availability_slots"
            " where doctor_id = %s and starts_at >= %s and starts_at < %s order by starts_at",
            (self.clinic.doctor.id, self.morning, self.morning + timedelta(days=1)),
        )
        place = {self.slot_1: "in 1", self.slot_2: "in 2"}[slot_id]
        return State(place if status == "scheduled" else status, *(row for (row,) in slots))

    def check_audit_log(self) -> None:
        """The audit log of every row leads without a gap from its creation to its present state."""
        logs = self.clinic.rows(
            """
            with present as (
                select c.id::text, to_jsonb(c) as row from app.consultations as c where c.id = %s
                 union all
                select s.id::text, to_jsonb(s) from app.availability_slots as s
                 where s.doctor_id = %s and s.starts_at >= %s and s.starts_at < %s
            )
            select array_agg(log.old order by log.id), array_agg(log.new order by log.id),
                   present.row
              from present left join app.audit_logs as log on log.row_id = present.id
             group by present.id, present.row
            """,
            (
                self.consultation,
                self.clinic.doctor.id,
                self.morning,
                self.morning + timedelta(days=1),
            ),
        )
        for old, new, present in logs:
            assert [*old, present] == [None, *new]


def call(client: SqlClient, planned: Call) -> Answer:
    person, function, arguments = planned
    return client.call(person, function, **arguments)


@pytest.fixture(scope="module")
def clinic(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[TwoSessions]:
    database = new_database()
    url, worker = (cluster.url(database, login) for login in ("telemed_api", "telemed_worker"))
    with (
        psycopg.connect(cluster.url(database), autocommit=True) as observer,
        closing(SqlClient(url)) as first,
        closing(SqlClient(url)) as second,
        psycopg.connect(worker, autocommit=True) as one,
        psycopg.connect(worker, autocommit=True) as two,
        ThreadPoolExecutor(1) as thread,
    ):
        roles = ("admin", "doctor", "patient", "patient", "patient")
        admin, doctor, patient, *others = [new_person(observer, role) for role in roles]
        yield TwoSessions(
            first, second, (one, two), observer, thread, admin, doctor, patient, others
        )


def new_person(observer: Connection, role: str) -> Person:
    person = Person(str(uuid.uuid4()), role, str(uuid.uuid4()))
    with observer.transaction():
        observer.execute(
            "select app.create_user(%s, %s, %s, 'A Name', %s)",
            (person.id, f"{person.id}@clinic.test", HASH, role),
        )
        if role == "doctor":
            observer.execute(
                "insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency)"
                " values (%s, 'Dermatology', 'UTC', %s, 'EUR')",
                (person.id, FEE_MINOR),
            )
        observer.execute(
            "insert into app.sessions (id, user_id) values (%s, %s)", (person.session_id, person.id)
        )
    return person


def test_every_pair_of_functions_has_a_row_in_the_table() -> None:
    # "book 1" alone is refused and changes nothing, so no call has to wait for it.
    firsts = set(ALONE) - {"book 1"}
    pairs = [(first, second) for first, second, *_ in INTERLEAVINGS]
    assert sorted(pairs) == sorted(itertools.product(firsts, ALONE))


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize(
    ("first", "second", "waits", "code", "state"),
    INTERLEAVINGS,
    ids=[f"{first}, {second}" for first, second, *_ in INTERLEAVINGS],
)
def test_two_functions_in_two_sessions_keep_every_rule(
    clinic: TwoSessions, first: str, second: str, waits: bool, code: str, state: State, end: str
) -> None:
    day = clinic.new_day()
    if end == "rollback":
        code, state = ALONE[second]
    late = day.call(second, 1)
    one, waited, two = clinic.interleave(day.call(first, 0), late, end)
    broken = clinic.new_violations()
    assert (one.code, waited, two.code, broken) == ("", waits, code, [])
    assert day.state() == state
    day.check_audit_log()
    assert clinic.has_changes(clinic.first) == (end == "commit")
    assert not (code and clinic.has_changes(clinic.second))
    if key := late[2].get("idempotency_key"):
        assert clinic.stored_refusal(key) == (code or None), "a refusal is stored under its key"


@pytest.mark.parametrize("first", ["book 2", "move to 2"])
@pytest.mark.parametrize(("end", "code"), [("commit", "TM904"), ("rollback", "")])
def test_two_concurrent_bookings_of_overlapping_slots_succeed_once(
    clinic: TwoSessions, first: str, end: str, code: str
) -> None:
    """The second booking waits for the lock on the patient, not for the constraint."""
    day = clinic.new_day()
    patient, function, arguments = day.call(first, 0)
    colleague = new_person(clinic.observer, "doctor")
    ((slot,),) = clinic.rows(
        f"{CONTEXT} insert into app.availability_slots (doctor_id, starts_at, ends_at)"
        " select %s, s.starts_at + interval '10 minutes', s.ends_at"
        "   from context, app.availability_slots as s where s.id = %s returning id::text",
        (
            *context.values(colleague.id, colleague.role, "slot", colleague.session_id),
            *(colleague.id, day.slot_2),
        ),
    )
    key = new_key()
    second = (patient, "book_consultation", {"slot_id": slot, "idempotency_key": key})
    one, waited, two = clinic.interleave((patient, function, arguments), second, end)
    assert (one.code, waited, two.code) == ("", True, code)
    assert clinic.stored_refusal(key) == (code or None)
    assert clinic.new_violations() == []


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize(
    ("first", "code"), [("cancel", "TM905"), ("complete", "TM905"), ("move to 2", "")]
)
def test_join_waits_for_a_change_of_its_consultation(
    clinic: TwoSessions, first: str, code: str, end: str
) -> None:
    """Nobody joins the room of a consultation that is cancelled or moved at this moment."""
    day = clinic.new_day()
    join = (clinic.doctor, "join_consultation", {"consultation_id": day.consultation})
    one, waited, two = clinic.interleave(day.call(first, 0), join, end)
    code = code if end == "commit" else ""
    assert (one.code, waited, two.code) == ("", True, code)
    slot = day.slot_2 if (first, end) == ("move to 2", "commit") else day.slot_1
    joins = clinic.rows(
        """
        select e.slot_id::text, app.video_room(e.consultation_id, e.slot_id)
        from app.events as e
        where e.consultation_id = %s and e.type = 'consultation.joined'
        """,
        (day.consultation,),
    )
    assert joins == ([] if code else [(slot, two.row["room"])])


def test_time_off_names_a_consultation_booked_while_it_waited(clinic: TwoSessions) -> None:
    day = clinic.new_day()
    booked, _, off = clinic.interleave(day.call("book 2", 0), day.call("day off", 1), "commit")
    assert off.row["booked_consultation_ids"] == [day.consultation, booked.row["id"]]
    assert off.row["withdrawn_slot_ids"] == []


@pytest.mark.parametrize(
    ("end", "reason", "code", "replayed"),
    [
        ("commit", "Itching", "", True),
        ("commit", "Coughing", "TM203", False),
        ("rollback", "Itching", "", False),
        ("rollback", "Coughing", "", False),
    ],
)
def test_same_key_in_two_sessions_makes_one_booking(
    clinic: TwoSessions, end: str, reason: str, code: str, replayed: bool
) -> None:
    day = clinic.new_day()
    person, function, arguments = day.call("book 2", 0)
    first = (person, function, {**arguments, "reason": "Itching"})
    second = (person, function, {**arguments, "reason": reason})
    one, waited, two = clinic.interleave(first, second, end)
    assert (one.code, waited, two.code, two.replayed) == ("", True, code, replayed)
    assert not replayed or two.row == one.row
    assert day.state() == State("in 1", "booked", "booked")
    assert clinic.new_violations() == []


def test_same_key_in_two_sessions_gets_the_same_refusal(clinic: TwoSessions) -> None:
    booking = clinic.new_day().call("book 1", 0)
    one, waited, two = clinic.interleave(booking, booking, "commit")
    assert (one.code, waited, two.code, two.replayed) == ("TM901", True, "TM901", True)


@pytest.mark.parametrize(
    ("end", "code", "refunded"), [("commit", "TM909", 3000), ("rollback", "", 2001)]
)
def test_two_concurrent_refunds_above_the_payment_succeed_once(
    clinic: TwoSessions, end: str, code: str, refunded: int
) -> None:
    payment = call(clinic.first, clinic.new_day().call("pay", 0)).row["id"]

    def refund(amount: int) -> Call:
        arguments = {"payment_id": payment, "amount_minor": amount, "idempotency_key": new_key()}
        return clinic.admin, "refund_payment", arguments

    late = refund(2001)
    one, waited, two = clinic.interleave(refund(3000), late, end)
    assert (one.code, waited, two.code) == ("", True, code)
    assert clinic.stored_refusal(late[2]["idempotency_key"]) == (code or None)
    total = "select sum(amount_minor)::bigint from app.payments where refunded_payment_id = %s"
    assert clinic.rows(total, (payment,)) == [(refunded,)]
    assert clinic.new_violations() == []


@pytest.mark.parametrize(
    ("end", "code", "phone"), [("commit", "TM501", "+49 30 1"), ("rollback", "", None)]
)
def test_two_concurrent_changes_of_one_version_succeed_once(
    clinic: TwoSessions, end: str, code: str, phone: str | None
) -> None:
    clinic.observer.execute("set app.verified_role = 'admin'")  # to see the row
    patient = new_person(clinic.observer, "patient")
    query = "select app.entity_tag(u), u.full_name, u.phone from api.users as u where u.id = %s"
    ((version, _, _),) = clinic.rows(query, (patient.id,))
    seen = {"versions": [version]}
    first: Call = (patient, "update_my_profile", {"phone": "+49 30 1", **seen})
    second: Call = (patient, "update_my_profile", {"full_name": "Late", **seen})
    one, waited, two = clinic.interleave(first, second, end)
    assert (one.code, waited, two.code) == ("", True, code)
    ((_, full_name, found),) = clinic.rows(query, (patient.id,))
    assert (full_name, found) == ("A Name" if code else "Late", phone)
    assert clinic.new_violations() == []


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize(
    "change", [{"biography": "First"}, {"specialty": "Nephrology"}, {"full_name": "First Name"}]
)
def test_two_concurrent_changes_of_one_doctor_succeed_once(
    clinic: TwoSessions, change: dict[str, object], end: str
) -> None:
    doctor = new_person(clinic.observer, "doctor")
    query = "select app.entity_tag(d), to_jsonb(d) from api.doctors as d where d.id = %s"
    ((version, before),) = clinic.rows(query, (doctor.id,))
    first: Call = (clinic.admin, "update_doctor", {**change, "doctor_id": doctor.id})
    if "full_name" in change:  # the name of a doctor is that of the profile
        first = (doctor, "update_my_profile", dict(change))
    first[2]["versions"] = ["*"]
    late = {"doctor_id": doctor.id, "fee_minor": 1, "versions": [version]}
    one, waited, two = clinic.interleave(first, (doctor, "update_doctor", late), end)
    assert (one.code, waited, two.code) == ("", True, "TM501" if end == "commit" else "")
    ((_, after),) = clinic.rows(query, (doctor.id,))
    expected = before | change if end == "commit" else before | {"fee_minor": 1}
    if "specialty" in change and end == "commit":
        expected["specialty_code"] = "nephrology"
    assert after == expected
    assert clinic.new_violations() == []


def test_two_concurrent_addresses_of_a_calendar_leave_the_second_in_force(
    clinic: TwoSessions,
) -> None:
    patient = new_person(clinic.observer, "patient")
    create: Call = (patient, "create_my_calendar", {})
    one, waited, two = clinic.interleave(create, create, "commit")
    assert (one.code, waited, two.code) == ("", True, "")
    query = (
        "select revoked_at is null from app.calendar_feeds where user_id = %s order by created_at"
    )
    assert clinic.rows(query, (patient.id,)) == [(False,), (True,)]
    assert clinic.new_violations() == []


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_two_concurrent_changes_of_one_webhook_succeed_once(clinic: TwoSessions, end: str) -> None:
    clinic.observer.execute("set app.verified_role = 'admin'")  # to see the row
    ((webhook,),) = clinic.rows(
        "insert into app.webhook_endpoints (url, secret)"
        " values ('https://hooks.clinic.test/in', 'none') returning id"
    )
    query = "select app.entity_tag(w), w.description from api.webhooks as w where w.id = %s"
    ((version, _),) = clinic.rows(query, (webhook,))
    seen = {"webhook_id": webhook, "versions": [version]}
    first: Call = (clinic.admin, "update_webhook", {"description": "First", **seen})
    second: Call = (clinic.admin, "update_webhook", {"description": "Late", **seen})
    one, waited, two = clinic.interleave(first, second, end)
    assert (one.code, waited, two.code) == ("", True, "TM501" if end == "commit" else "")
    ((_, found),) = clinic.rows(query, (webhook,))
    assert found == ("First" if end == "commit" else "Late")
    assert clinic.new_violations() == []


@pytest.mark.parametrize(("end", "attempts"), [("commit", []), ("rollback", [(1,)])])
def test_failing_endpoint_gets_one_of_two_deliveries_that_are_claimed_at_once(
    clinic: TwoSessions, end: str, attempts: Rows
) -> None:
    """The claims lock different deliveries: only the lock on their endpoint orders them."""
    deliveries = clinic.rows(
        """
        with endpoint as (
            insert into app.webhook_endpoints (url, secret, consecutive_failures, first_failed_at)
            values ('https://hooks.clinic.test/in', 'none', 5, app.clock()) returning id)
        insert into app.webhook_deliveries (endpoint_id, event_id, event_type, body)
        select e.id, n, 'slot.opened', '{"n": 1}' from endpoint as e, generate_series(1, 2) as n
        returning id
        """
    )
    claims = [f"select attempt from work.claim_delivery('{one}')" for (one,) in deliveries]
    one, waited, two = clinic.interleave_workers(*claims, end)
    assert (one, waited, two) == ([(1,)], True, attempts)
    assert clinic.new_violations() == []


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_worker_does_not_wait_for_one_that_moves_due_jobs_to_the_queue(
    clinic: TwoSessions, end: str
) -> None:
    clinic.rows("select app.enqueue_job('send', '{}', p_at => now() + interval '1 hour')")
    clinic.rows("update procrastinate.later_jobs set scheduled_at = now() returning id")
    move = "select work.enqueue_due_jobs()"
    ((moved,),), waited, two = clinic.interleave_workers(move, move, end)
    assert (moved > 0, waited, two) == (True, False, [(0,)])
    ((left,),) = clinic.rows("select count(*) from procrastinate.later_jobs")
    assert left == (0 if end == "commit" else moved)


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize(
    ("second", "code", "state"),
    [
        ("cancel", "", State("cancelled", "withdrawn", "withdrawn")),
        ("book 2", "TM901", State("in 1", "booked", "withdrawn")),
        ("publish", "TM102", State("in 1", "booked", "withdrawn")),
    ],
)
def test_slot_opened_during_a_deactivation_of_its_doctor_is_refused(
    clinic: TwoSessions, second: str, code: str, state: State, end: str
) -> None:
    doctor = new_person(clinic.observer, "doctor")
    day = dataclasses.replace(clinic, doctor=doctor).new_day()
    close = (clinic.admin, "deactivate_user", {"user_id": doctor.id})
    if end == "rollback":
        code, state = ALONE[second]
    one, waited, two = clinic.interleave(close, day.call(second, 1), end)
    assert (one.code, waited, two.code) == ("", True, code)
    assert day.state() == state
    assert clinic.new_violations() == []


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize(
    ("function", "code"),
    [
        ("book_consultation", "TM102"),
        ("reschedule_consultation", "TM905"),
        ("request_email_verification", "TM102"),
        ("request_email_change", "TM102"),
        ("verify_email", "TM231"),
        ("close_my_account", "TM102"),
        ("create_my_calendar", "TM102"),
    ],
)
def test_call_during_the_end_of_its_account_waits_and_is_refused(
    clinic: TwoSessions, function: str, code: str, end: str
) -> None:
    patient = new_person(clinic.observer, "patient")
    day = dataclasses.replace(clinic, patient=patient).new_day()
    ((token,),) = clinic.rows(
        "select token from app.make_email_verification(%s, %s)",
        (patient.id, f"{patient.id}@clinic.test"),
    )
    key, password = {"idempotency_key": new_key()}, {"password_hash": HASH}
    move = {"consultation_id": day.consultation, "slot_id": day.slot_2, **key}
    calls: dict[str, dict[str, object]] = {
        "book_consultation": {"slot_id": day.slot_2, **key},
        "reschedule_consultation": move,
        "request_email_verification": {},
        "request_email_change": {"email": f"new-{patient.id}@clinic.test", **password},
        "verify_email": {"token": token},
        "close_my_account": password,
        "create_my_calendar": {},
    }
    close = (patient, "close_my_account", password)
    one, waited, two = clinic.interleave(close, (patient, function, calls[function]), end)
    assert (one.code, waited, two.code) == ("", True, code if end == "commit" else "")
    assert clinic.new_violations() == []
    if end == "commit":
        assert day.state() == State("cancelled", "open", "open")
        in_force = "used_at is null and revoked_at is null and user_id = %s"
        query = f"select id from app.email_verifications where {in_force}"
        assert clinic.rows(query, (patient.id,)) == []


@pytest.mark.parametrize(("end", "code"), [("commit", "TM802"), ("rollback", "")])
def test_last_message_to_an_address_goes_to_one_of_two_accounts(
    clinic: TwoSessions, end: str, code: str
) -> None:
    first, second, earlier = (new_person(clinic.observer, "patient") for _ in range(3))
    email = f"{uuid.uuid4()}@clinic.test"
    for _ in range(4):
        clinic.rows("select from app.make_email_verification(%s, %s)", (earlier.id, email))
    change = {"email": email, "password_hash": HASH}
    function = "request_email_change"
    one, waited, two = clinic.interleave((first, function, change), (second, function, change), end)
    assert (one.code, waited, two.code) == ("", True, code)


def test_figures_are_exact_while_calls_and_folds_run_at_once(clinic: TwoSessions) -> None:
    days = [clinic.new_day() for _ in range(25)]
    calls = [day.call(name, 1) for day in days for name in ("pay", "move to 2", "cancel")]
    wrong = "select name, violations from app.analytics_invariants(null) where violations <> '{}'"
    folded, found, is_done = 0, [], False
    answers = clinic.thread.submit(lambda: [call(clinic.second, planned).code for planned in calls])
    while not is_done:
        is_done = answers.done()
        clinic.rows("select ops.seal_audit()")
        found += clinic.rows(wrong)
        ((ids,),) = clinic.rows("select ops.fold_activity()")
        folded += ids
        found += clinic.rows(wrong)
    assert set(answers.result()) == {""}
    assert folded > len(calls)
    assert found == []


@pytest.mark.parametrize(("end", "state"), [("commit", []), ("rollback", ["open"])])
def test_weekly_slots_wait_for_concurrent_time_off(
    clinic: TwoSessions, end: str, state: list[str]
) -> None:
    day = clinic.new_day()
    date, late = day.morning.date(), day.morning + timedelta(hours=10)
    weekly = {
        "from": date,
        "to": date,
        "weekdays": [date.isoweekday()],
        "start_time": late.time(),
        "end_time": (late + timedelta(hours=1)).time(),
        "slot_minutes": 60,
        "idempotency_key": new_key(),
    }
    second = (clinic.doctor, "publish_weekly_slots", weekly)
    one, waited, two = clinic.interleave(day.call("day off", 0), second, end)
    assert (one.code, waited, two.code) == ("", True, "")
    of_the_evening = "select status from app.availability_slots where doctor_id = %s"
    found = clinic.rows(f"{of_the_evening} and starts_at = %s", (clinic.doctor.id, late))
    assert [status for (status,) in found] == state
    assert clinic.new_violations() == []


def new_events(clinic: TwoSessions, after: str | None) -> tuple[list[tuple[Any, ...]], str]:
    """Type, consultation and number of the events after a cursor, and the cursor at their end."""
    query = """
        select e.type, e.consultation_id::text, e.sequence_number
        from api.list_events(p_after => %s, p_limit => 1000) as e"""
    found: list[tuple[Any, ...]] = []
    while True:
        with clinic.observer.transaction():
            clinic.rows("select ops.act_as(%s)", (f"{clinic.admin.id}@clinic.test",))
            found += clinic.rows(query, (after,))
            ((cursor,),) = clinic.rows("select current_setting('app.next_cursor')")
        if cursor == after:
            return found, cursor
        after = cursor


def page_of_events(clinic: TwoSessions, after: str, limit: int) -> tuple[list[int], str]:
    """The ids of the next events, and the cursor behind them."""
    with clinic.observer.transaction():
        clinic.rows("select ops.act_as(%s)", (f"{clinic.admin.id}@clinic.test",))
        page = clinic.rows("select id from api.list_events(%s, p_limit => %s)", (after, limit))
        ((cursor,),) = clinic.rows("select current_setting('app.next_cursor')")
    return [event for (event,) in page], cursor


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_event_of_a_transaction_that_commits_late_is_not_skipped(
    clinic: TwoSessions, end: str
) -> None:
    late, early = clinic.new_day(), clinic.new_day()
    _, cursor = new_events(clinic, None)
    clinic.first.connection.execute("begin")
    assert call(clinic.first, late.call("cancel", 0)).code == ""
    assert call(clinic.second, early.call("complete", 1)).code == ""
    # The second has a higher transaction and is committed. A reader must not go past the first.
    found, cursor = new_events(clinic, cursor)
    assert found == []
    clinic.first.connection.execute(end.encode())
    found, _ = new_events(clinic, cursor)
    told = [event for event in found if event[1] is not None]
    expected = [("consultation.completed", early.consultation, 2)]
    if end == "commit":
        expected.insert(0, ("consultation.cancelled", late.consultation, 2))
    assert told == expected


def test_events_of_a_consultation_are_read_by_number_whichever_transaction_began_first(
    clinic: TwoSessions,
) -> None:
    day = clinic.new_day()
    _, cursor = new_events(clinic, None)
    clinic.first.connection.execute("begin")
    clinic.first.connection.execute("select pg_current_xact_id()")
    assert call(clinic.second, day.call("pay", 1)).code == ""
    assert call(clinic.first, day.call("cancel", 0)).code == ""
    clinic.first.connection.execute("commit")
    found, _ = new_events(clinic, cursor)
    assert [event for event in found if event[1] is not None] == [
        ("payment.recorded", day.consultation, 2),
        ("consultation.cancelled", day.consultation, 3),
    ]
    assert clinic.new_violations() == []


@pytest.mark.parametrize(("end", "numbers"), [("commit", [3, 4]), ("rollback", [3])])
def test_two_concurrent_events_of_a_consultation_get_two_numbers(
    clinic: TwoSessions, end: str, numbers: list[int]
) -> None:
    """Prescriptions do not lock their consultation: the newest event decides."""
    day = clinic.new_day()
    assert call(clinic.first, day.call("complete", 0)).code == ""
    items = Jsonb([{"drug": "Ibuprofen", "dosage": "400 mg"}])
    issue: Call = (
        clinic.doctor,
        "issue_prescription",
        {"consultation_id": day.consultation, "items": items},
    )
    one, waited, two = clinic.interleave(issue, issue, end)
    assert (one.code, waited, two.code) == ("", True, "")
    query = "select sequence_number from app.events where consultation_id = %s and type = %s"
    found = clinic.rows(f"{query} order by id", (day.consultation, "prescription.issued"))
    assert [number for (number,) in found] == numbers
    assert clinic.new_violations() == []


@pytest.mark.parametrize("end", ["rollback", "commit"])
def test_reader_of_events_gets_what_is_kept_or_is_refused(clinic: TwoSessions, end: str) -> None:
    """The last test of this module: the events that it drops are newer than some that are kept."""
    month = "(date_trunc('month', now() at time zone 'UTC') - interval '4 months')"
    missing = f"to_regclass(to_char({month}, '\"app.events_\"YYYY_MM')) is null"
    make = f"select app.create_partition('events', {month}::date) where {missing}"
    clinic.observer.execute(make.encode())
    _, start = new_events(clinic, None)
    old = "insert into app.events (occurred_at, type) values ({} at time zone 'UTC', 'slot.opened')"
    for _ in range(3):
        clinic.observer.execute(old.format(month).encode())
    half, behind = page_of_events(clinic, start, limit=2)
    rest, at_the_end = page_of_events(clinic, behind, limit=2)
    assert (len(half), len(rest)) == (2, 1)
    newer = clinic.new_day()

    # The reader waits for the lock of the drop, and then must not take what is left for all.
    clinic.second.connection.execute("set lock_timeout = 0")
    with psycopg.connect(clinic.observer.info.dsn) as dba:
        dropped = dba.execute("select ops.drop_partitions('events', '100 days')").fetchall()
        assert len(dropped) == 1
        reading = clinic.thread.submit(
            clinic.second.call, clinic.admin, "list_events", after=behind, limit=1
        )
        waits = "select %s = any (pg_blocking_pids(%s))"
        pids = (dba.info.backend_pid, clinic.second.connection.info.backend_pid)
        while clinic.rows(waits, pids) != [(True,)]:
            assert not reading.done(), reading.result()
        dba.execute(end.encode())
    answer = reading.result()
    clinic.second.connection.execute("reset lock_timeout")
    if end == "rollback":
        assert (answer.code, answer.row["id"]) == ("", rest[0])
        return
    assert answer.code == "TM211"
    for cursor in (start, behind):
        with pytest.raises(psycopg.DatabaseError, match="not kept any more") as refused:
            new_events(clinic, cursor)
        assert refused.value.sqlstate == "TM211"
    booked = ("consultation.booked", newer.consultation, 1)
    assert booked in new_events(clinic, at_the_end)[0]
    # Pages without a cursor begin with what is kept, of which some comes before what was dropped.
    first, cursor = page_of_events(clinic, None, limit=1)
    second, _ = page_of_events(clinic, cursor, limit=1)
    assert (len(first), len(second)) == (1, 1)
