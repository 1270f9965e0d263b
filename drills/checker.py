"""Compares the answers that clients got with the rows of the database.

It does not use the product's code: it reads the history, the tables and the audit log.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from drills.history import FOREVER, KILL_WORKER, Attempt, History, Operation
from drills.stage import Clinic

# Equal on all nodes if they have the same rows.
DIGESTS = " union all ".join(
    f"select '{table}', count(*), sum(hashtext(t::text)::bigint) from app.{table} as t"
    for table in ("consultations", "payments", "idempotency_keys", "audit_logs", "audit_seals")
)


SET_UP = "set-up"
MAIN_TABLE = {
    "book": "consultations",
    "cancel": "consultations",
    "reschedule": "consultations",
    "complete": "consultations",
    "pay": "payments",
    "refund": "payments",
    "publish": "availability_slots",
}
SQL_OPERATION = {
    "book": "book_consultation",
    "cancel": "cancel_consultation",
    "reschedule": "reschedule_consultation",
    "complete": "complete_consultation",
    "pay": "record_payment",
    "refund": "refund_payment",
    "publish": "publish_slot",
}
# The columns of a row that the checker compares, and a digest of the whole row.
DIGEST = """
case when {0} is not null then jsonb_build_object(
    'status', {0} -> 'status', 'slot_id', {0} -> 'slot_id', 'kind', {0} -> 'kind',
    'amount_minor', {0} -> 'amount_minor', 'consultation_id', {0} -> 'consultation_id',
    'refunded_payment_id', {0} -> 'refunded_payment_id', 'notes', {0} -> 'notes',
    'patient_id', {0} -> 'patient_id', 'starts_at', {0} -> 'starts_at',
    'digest', md5(({0})::text)) end
"""
# The refusals that a client of the random mix may get. A client stays within the rights of its role
# and names only rows that exist.
REFUSALS = {"TM901", "TM902", "TM904", "TM905", "TM908", "TM909", "TM917", "TM918", "TM991"}
TAKEN = ("TM901", "TM917", "TM918")  # by another patient, or by the caller
# The fields of an answer that the audit log must have with the same values.
LOGGED = {
    "pay": ("amount_minor", "kind"),
    "refund": ("amount_minor", "kind"),
    "publish": ("status",),
}
OTHER_REQUEST = (422, "TM203")
UNKNOWN_ROW = (404, "TM403")
PERMITTED = {("scheduled", "completed"), ("scheduled", "cancelled")}
# A worker that was killed so long before its connection was last known to work may have lost the
# answer.
SLACK_SECONDS = 0.5

RULES: dict[str, Callable[[Checker], Iterator[str]]] = {}


@dataclass
class Change:
    """One row of the audit log, with the id of the request that caused it."""

    id: int
    table: str
    row: str
    verb: str  # INSERT or UPDATE
    old: dict[str, Any]
    new: dict[str, Any]
    user: str
    request_id: str


def rule(check: Callable[[Checker], Iterator[str]]) -> Callable[[Checker], Iterator[str]]:
    """A rule: yields a sentence for each violation. The report uses the name of the function."""
    RULES[check.__name__] = check
    return check


class Checker:
    """The history and the database, side by side."""

    def __init__(
        self,
        clinic: Clinic,
        history: History,
        since: datetime | None = None,
        old_leaders: Sequence[tuple[float, float]] = (),
    ) -> None:
        """since: rows that are older are ignored.

        old_leaders: from when to when a server may answer that does not know yet that another one
        leads. What it shows to a read may be out of date: such answers are counted.
        """
        self.history = history
        self.old_leaders = old_leaders
        self.of_old_leaders = Counter[str]()  # reads, by their answer
        self.by_number = {o.number: o for o in history.operations}
        self.attempt = {a.request_id: a for _, a in history.attempts()}
        self.changes = [
            Change(id_, table, row, verb, old or {}, new or {}, str(user), request_id or "")
            for id_, table, row, verb, old, new, user, request_id in clinic.sql(
                f"""
                select id, table_name::text, row_id, operation, {DIGEST.format("old")},
                       {DIGEST.format("new")}, user_id, request_id::text
                  from app.audit_logs
                 where table_name in ('consultations', 'payments', 'availability_slots')
                   and request_id is distinct from %(set_up)s
                   and occurred_at >= coalesce(%(since)s::timestamptz, '-infinity')
                 order by id
                """,
                set_up=SET_UP,
                since=since,
            )
        ]
        self.rows: dict[str, dict[str, dict[str, Any]]] = {
            table: dict(
                clinic.sql(
                    f"select id::text, {DIGEST.format('to_jsonb(t)')} from app.{table} as t"
                    " where id >= app.first_id_since(%(since)s)",
                    since=since,
                )
            )
            for table in ("consultations", "payments", "availability_slots")
        }
        self.keys = Counter(
            (str(user), operation, key)
            for user, operation, key in clinic.sql(
                "select user_id, operation::text, key::text from app.idempotency_keys"
            )
        )
        self.invariants = clinic.sql(
            "select name, violations, examples from ops.check_invariants(%(since)s)"
            " where violations > 0",
            since=since,
        )
        self.arrange()

    def arrange(self) -> None:
        """Sort the changes by the operation that caused them and by the row that they changed."""
        self.effects: dict[int, list[Change]] = defaultdict(list)
        self.steps: dict[str, list[Change]] = defaultdict(list)  # of each row, in their order
        for change in self.changes:
            self.steps[change.row].append(change)
            operation = self.operation_of(change)
            if operation and change.table == MAIN_TABLE.get(operation.kind):
                self.effects[operation.number].append(change)

    def operation_of(self, change: Change) -> Operation | None:
        number = re.fullmatch(r"(\d+)\.\d+", change.request_id)
        return self.by_number.get(int(number[1])) if number else None

    def interval(self, change: Change) -> tuple[float, float]:
        """The change took effect between these two times."""
        attempt, operation = self.attempt.get(change.request_id), self.operation_of(change)
        if attempt is None or operation is None:
            return 0, FOREVER
        return attempt.invoked, operation.done_by(attempt)

    def refused(self, *codes: str) -> Iterator[tuple[Operation, Attempt]]:
        """The operations whose outcome is one of these refusals."""
        for operation in self.history.operations:
            if operation.outcome and operation.outcome.code in codes and operation.kind != "reuse":
                yield operation, operation.outcome

    def is_of_an_old_leader(self, operation: Operation, answer: Attempt) -> bool:
        """Whether an old leader may have given the answer, and no standby had to confirm it."""
        if operation.kind != "read" or not any(
            begun <= answer.returned and answer.invoked <= ended
            for begun, ended in self.old_leaders
        ):
            return False
        self.of_old_leaders[f"{operation.kind}: {answer.status} {answer.code}".strip()] += 1
        return True

    def violations(self) -> dict[str, list[str]]:
        """Each broken rule with its violations."""
        found = {name: list(check(self)) for name, check in RULES.items()}
        return {name: examples for name, examples in found.items() if examples}


def described(operation: Operation) -> str:
    return f"operation {operation.number} ({operation.kind}, {operation.key})"


@rule
def every_answer_is_expected(c: Checker) -> Iterator[str]:
    """No 500, and no refusal that the client's requests cannot cause; 503 has Retry-After."""
    for operation, a in c.history.attempts():
        if a.status == 0 or a.ok:
            continue
        if a.status in (503, 504) or (a.status == 409 and a.code in REFUSALS):
            pass
        elif (operation.kind != "reuse" or (a.status, a.code) != OTHER_REQUEST) and not (
            (a.status, a.code) == UNKNOWN_ROW and c.is_of_an_old_leader(operation, a)
        ):
            yield f"{described(operation)} was answered {a.status} {a.code}"
        if a.status == 503 and not a.retry_after:
            yield f"{described(operation)}: 503 without Retry-After"


@rule
def only_a_killed_worker_leaves_a_request_without_answer(c: Checker) -> Iterator[str]:
    """No answer is lost through SIGHUP, SIGTERM or a fault of the database."""
    kills = [f.at for f in c.history.faults if f.kind == KILL_WORKER]
    for operation, a in c.history.attempts():
        since = a.connected_at - SLACK_SECONDS
        if a.status == 0 and not any(since <= at <= a.returned for at in kills):
            yield f"{described(operation)}: {a.error}"


@rule
def every_unknown_outcome_becomes_known(c: Checker) -> Iterator[str]:
    """Repeating a request under its key gives its outcome."""
    for operation in c.history.operations:
        if operation.key and operation.outcome is None:
            yield f"{described(operation)} was never answered"


@rule
def acknowledged_writes_are_stored(c: Checker) -> Iterator[str]:
    """Every acknowledged write is in the tables and in the audit log, for the client that asked."""
    for operation in c.history.operations:
        outcome = operation.outcome
        if operation.kind not in MAIN_TABLE or outcome is None or not outcome.ok:
            continue
        body = outcome.body
        row = c.rows[MAIN_TABLE[operation.kind]].get(body["id"])
        if row is None:
            yield f"{described(operation)} was acknowledged, but {body['id']} does not exist"
        elif operation.kind == "book" and body["patient_id"] != operation.user:
            yield f"{described(operation)} was answered with another patient's booking"
        elif not any(_agrees(operation.kind, body, e) for e in c.effects[operation.number]):
            yield f"{described(operation)} was acknowledged, but the audit log does not have it"


def _agrees(kind: str, body: dict[str, Any], effect: Change) -> bool:
    same = LOGGED.get(kind, ("status", "slot_id"))
    return effect.row == body["id"] and all(effect.new[name] == body[name] for name in same)


@rule
def the_effect_is_the_requested_one(c: Checker) -> Iterator[str]:
    """A request changes the row that it names, to the slot and the amount that it names."""
    for number, effects in c.effects.items():
        operation = c.by_number[number]
        named = operation.path.split("/")[3] if operation.path.count("/") > 2 else None
        requested = {
            name: value
            for name, value in (operation.body or {}).items()
            if name in ("slot_id", "amount_minor", "notes", "starts_at")
        }
        if operation.kind == "pay":
            requested["consultation_id"] = named
        elif operation.kind == "refund":
            requested["refunded_payment_id"] = named
        for effect in effects:
            right_row = operation.kind not in ("cancel", "complete", "reschedule") or (
                effect.row == named
            )
            if not right_row or any(effect.new[name] != value for name, value in requested.items()):
                yield f"{described(operation)} had another effect on {effect.row} than it asked for"


@rule
def another_request_under_a_used_key_is_refused(c: Checker) -> Iterator[str]:
    """A key with an outcome accepts only the same request again."""
    for operation in c.history.operations:
        if operation.kind == "reuse" and operation.outcome:
            found = (operation.outcome.status, operation.outcome.code)
            if found != OTHER_REQUEST:
                yield f"{described(operation)} was answered {found[0]} {found[1]}"


@rule
def only_a_consultation_that_is_over_is_refused_as_over(c: Checker) -> Iterator[str]:
    """TM905 is the answer only if the consultation may have been over by then."""
    for operation, refused in c.refused("TM905"):
        steps = c.steps.get(operation.path.split("/")[3], [])
        if not any(
            s.new["status"] != "scheduled" and c.interval(s)[0] <= refused.returned for s in steps
        ):
            yield f"{described(operation)} was refused while the consultation was scheduled"


@rule
def only_a_busy_patient_is_refused_as_busy(c: Checker) -> Iterator[str]:
    """TM904 is the answer only if the patient may have had another consultation at that time."""
    busy: dict[tuple[str, str], list[tuple[str, float, float]]] = defaultdict(list)
    for row, steps in c.steps.items():
        if steps[0].table != "consultations":
            continue
        over = [c.interval(step)[1] for step in steps[1:]] + [FOREVER]
        for step, until in zip(steps, over, strict=True):
            if step.new["status"] == "scheduled":
                when = (step.new["patient_id"], step.new["starts_at"])
                busy[when].append((row, c.interval(step)[0], until))
    for operation, refused in c.refused("TM904"):
        named = operation.path.split("/")[3:4]
        when = (operation.user, c.rows["availability_slots"][operation.slot_id]["starts_at"])
        if not any(
            begun <= refused.returned and until >= operation.attempts[0].invoked and [row] != named
            for row, begun, until in busy[when]
        ):
            yield f"{described(operation)} was refused though the patient was free"


@rule
def without_faults_requests_succeed(c: Checker) -> Iterator[str]:
    """After the last fault, at most a tenth of the requests get 503, 504 or no answer."""
    since = c.history.quiet_since
    quiet = [a for _, a in c.history.attempts() if a.invoked >= since]
    failed = [a for a in quiet if a.status in (0, 503, 504)]
    if len(failed) > len(quiet) / 10:
        yield f"{len(failed)} of {len(quiet)} requests failed in a quiet time"


@rule
def a_refusal_leaves_no_trace(c: Checker) -> Iterator[str]:
    """A refused request has no effect."""
    for operation in c.history.operations:
        outcome = operation.outcome
        if outcome and not outcome.ok and c.effects[operation.number]:
            yield f"{described(operation)} was refused with {outcome.code}, but it took effect"


@rule
def nothing_happens_twice(c: Checker) -> Iterator[str]:
    """One key has one effect, however often the request is repeated."""
    for number, effects in c.effects.items():
        if len(effects) > 1:
            yield f"{described(c.by_number[number])} took effect {len(effects)} times"


@rule
def every_key_has_one_outcome(c: Checker) -> Iterator[str]:
    """All answers under one key are equal, at most one is not a replay, and the key is stored."""
    for operation in c.history.operations:
        answers = [a for a in operation.attempts if a.definite]
        if not operation.key or not answers or operation.kind not in SQL_OPERATION:
            continue
        if any((a.status, a.code) != (answers[0].status, answers[0].code) for a in answers):
            yield f"{described(operation)} was answered in two ways"
        elif any(a.digest != answers[0].digest for a in answers if a.ok):
            yield f"{described(operation)} was answered with two bodies"
        if sum(not a.replayed for a in answers) > 1:
            yield f"{described(operation)} was done more than once"
        if c.keys[operation.user, SQL_OPERATION[operation.kind], operation.key] != 1:
            yield f"the key of {described(operation)} is not stored"


@rule
def nothing_happens_without_a_request(c: Checker) -> Iterator[str]:
    """Every change has the id of a request that was sent, and names the user who sent it."""
    for change in c.changes:
        operation = c.operation_of(change)
        if operation is None or change.request_id not in c.attempt:
            yield f"{change.verb} of {change.table} {change.row} belongs to no request"
        elif change.user != operation.user:
            yield f"{change.verb} of {change.table} {change.row} names another user"


@rule
def the_audit_log_leads_to_the_rows(c: Checker) -> Iterator[str]:
    """Every row equals its last state in the audit log, which has all its states."""
    for table in ("consultations", "payments"):
        for row_id, row in c.rows[table].items():
            steps = c.steps.get(row_id)
            if not steps or steps[0].verb != "INSERT":
                yield f"{table} {row_id} has no beginning in the audit log"
            elif steps[-1].new != row:
                yield f"{table} {row_id} differs from the audit log"
            elif any(before.new != after.old for before, after in pairwise(steps)):
                yield f"{table} {row_id} has a gap in the audit log"


@rule
def statuses_move_only_as_permitted(c: Checker) -> Iterator[str]:
    """From scheduled to completed or cancelled; both are final."""
    for change in c.changes:
        if change.table != "consultations":
            continue
        old, new = change.old.get("status"), change.new.get("status")
        if change.verb == "INSERT":
            if new != "scheduled":
                yield f"consultation {change.row} began as {new}"
        elif old != "scheduled" or (old != new and (old, new) not in PERMITTED):
            yield f"consultation {change.row} went from {old} to {new}"


@rule
def a_slot_is_held_by_one_consultation(c: Checker) -> Iterator[str]:
    """At no time do two consultations that are not cancelled hold one slot."""
    holder: dict[str, str] = {}
    for change in c.changes:
        if change.table != "consultations":
            continue
        slot, status = change.new["slot_id"], change.new["status"]
        before = str(change.old.get("slot_id"))
        leaves = before != slot or status == "cancelled"
        if leaves and holder.get(before) == change.row:
            del holder[before]
        if status != "cancelled":
            if holder.get(slot, change.row) != change.row:
                yield f"slot {slot} was held by {holder[slot]} and {change.row} at once"
            holder[slot] = change.row


@rule
def each_slot_is_a_register_in_real_time(c: Checker) -> Iterator[str]:
    """Each change of a slot can be placed between its request and the answer (linearizability).

    A request that begins after the answer to another one comes later in the audit log, too. A
    refusal of a taken slot overlaps a time at which the slot may have been taken.
    """
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for slot_id in c.rows["availability_slots"]:
        latest_start = 0.0
        for change in c.steps.get(slot_id, ()):
            invoked, done = c.interval(change)
            if done < latest_start:
                yield f"slot {slot_id}: {change.request_id} was done before an earlier one began"
            latest_start = max(latest_start, invoked)
            if change.new["status"] == "booked":
                taken[slot_id].append((invoked, FOREVER))
            elif taken[slot_id]:
                taken[slot_id][-1] = (taken[slot_id][-1][0], done)
    for operation, refused in c.refused(*TAKEN):
        first = operation.attempts[0].invoked
        if not any(
            begun <= refused.returned and first <= over for begun, over in taken[operation.slot_id]
        ):
            yield f"{described(operation)} found slot {operation.slot_id} taken when it was free"


@rule
def reads_see_what_was_acknowledged(c: Checker) -> Iterator[str]:
    """A read shows a state that the consultation may have had between request and answer."""
    for operation in c.history.operations:
        read = operation.outcome
        if operation.kind != "read" or read is None or not read.ok:
            continue
        seen = (read.body["status"], read.body["slot_id"])
        steps = c.steps.get(read.body["id"], [])
        spans = [c.interval(step) for step in steps] + [(FOREVER, FOREVER)]
        if not any(
            (step.new["status"], step.new["slot_id"]) == seen
            and begun <= read.returned
            and after >= read.invoked
            for step, (begun, _), (_, after) in zip(steps, spans, spans[1:], strict=False)
        ) and not c.is_of_an_old_leader(operation, read):
            yield f"{described(operation)} saw {seen[0]} in {read.body['id']} at the wrong time"


@rule
def all_invariants_hold(c: Checker) -> Iterator[str]:
    """ops.check_invariants reports no violation."""
    for name, violations, examples in c.invariants:
        yield f"{name}: {violations}, {', '.join(examples)}"
