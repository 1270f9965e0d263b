"""The short form of the drill: the same drill for seconds, and each broken build is caught."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drills.checker import RULES, Checker
from drills.faults import drill
from drills.faults.__main__ import break_it
from drills.faults.broken import BUILDS, Broken
from drills.faults.drill import Plan, Result
from drills.faults.faults import WEIGHTS
from drills.faults.scenarios import pool_exhaustion
from drills.history import FOREVER, Operation
from drills.stage import durable_cluster
from scripts.server import Cluster
from tests.support.long import long

SEED = "short"
KINDS = {"book", "cancel", "reschedule", "complete", "pay", "read", "publish", "reuse"}


@pytest.fixture(scope="module")
def durable() -> Iterator[Cluster]:
    """A cluster with fsync on."""
    with durable_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def sound(durable: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A drill of the sound product, long enough for every kind of operation to occur."""
    for seconds in (6, 20, 60):
        plan = Plan(SEED, seconds, pause=0.3)
        result = drill.run(durable, tmp_path_factory.mktemp("sound"), plan)
        outcomes = [(o.kind, o.outcome) for o in result.history.operations if o.outcome]
        seen = {kind for kind, outcome in outcomes if outcome.ok or kind == "reuse"}
        refused = {outcome.code for _, outcome in outcomes}
        if seen >= KINDS and refused >= {"TM901", "TM904", "TM905"}:
            break
    return result


def test_faults_under_load_break_no_rule(sound: Result) -> None:
    assert sound.violations == {}
    assert sound.history.faults
    assert {fault.kind for fault in sound.history.faults} <= set(WEIGHTS)


def one_for_each_rule() -> list[Broken]:
    """The builds with the first fault for each rule of the checker; `make drill` takes all."""
    rules: set[str] = set()
    chosen = []
    for build in BUILDS:
        if build.caught_by - rules:
            chosen.append(build)
            rules |= build.caught_by
    return chosen


@long
@pytest.mark.parametrize("build", one_for_each_rule(), ids=lambda build: build.name)
def test_broken_build_is_caught(durable: Cluster, tmp_path: Path, build: Broken) -> None:
    _, result, _ = break_it(durable, tmp_path, build, SEED, seconds=1)
    assert build.caught_by & result.violations.keys(), result.violations


def test_exhausted_pool_answers_503_and_recovers(durable: Cluster, tmp_path: Path) -> None:
    outage = pool_exhaustion(durable, tmp_path, seed=SEED, seconds=2, clients=32)
    assert outage.violations == {}
    assert any(answer.startswith("503") for answer in outage.answers)


# For each rule of the checker, alterations of the history or the tables that break it.


def acknowledged(c: Checker, kind: str) -> Operation:
    return next(o for o in c.history.operations if o.kind == kind and o.outcome and o.outcome.ok)


def answered_500(c: Checker) -> None:
    c.history.operations[0].attempts[0].status = 500


def without_answer(c: Checker) -> None:
    c.history.faults.clear()
    c.history.operations[0].attempts[0].status = 0


def never_answered(c: Checker) -> None:
    for attempt in acknowledged(c, "book").attempts:
        attempt.status = 503


def row_is_gone(c: Checker) -> None:
    outcome = acknowledged(c, "book").outcome
    assert outcome
    del c.rows["consultations"][outcome.body["id"]]


def another_patient(c: Checker) -> None:
    outcome = acknowledged(c, "book").outcome
    assert outcome
    outcome.body["patient_id"] = "another patient"


def other_slot(c: Checker) -> None:
    outcome = acknowledged(c, "reschedule").outcome
    assert outcome
    outcome.body["slot_id"] = "another slot"


def other_amount(c: Checker) -> None:
    effect = c.effects[acknowledged(c, "pay").number][0]
    effect.new["amount_minor"] += 1


def other_row(c: Checker) -> None:
    c.effects[acknowledged(c, "cancel").number][0].row = "another row"


def accepted_under_a_used_key(c: Checker) -> None:
    refused = next(o for o in c.history.operations if o.kind == "reuse" and o.outcome)
    refused.attempts[0].status, refused.attempts[0].code = 201, ""


def never_over(c: Checker) -> None:
    refused, _ = next(c.refused("TM905"))
    c.steps[refused.path.split("/")[3]] = []


def never_busy(c: Checker) -> None:
    refused, _ = next(c.refused("TM904"))
    refused.user = "a patient without a consultation"


def failing_without_faults(c: Checker) -> None:
    for _, attempt in c.history.attempts():
        if attempt.invoked >= c.history.quiet_since:
            attempt.status = 503


def refused_but_done(c: Checker) -> None:
    outcome = acknowledged(c, "book").outcome
    assert outcome
    outcome.status, outcome.code = 409, "TM904"


def done_twice(c: Checker) -> None:
    number = acknowledged(c, "book").number
    c.effects[number] *= 2


def two_answers(c: Checker) -> None:
    operation = acknowledged(c, "book")
    other = copy.copy(operation.outcome)
    assert other
    other.digest += 1
    operation.attempts.append(other)


def key_is_gone(c: Checker) -> None:
    c.keys.clear()


def unknown_request(c: Checker) -> None:
    c.changes[0].request_id = "unknown"


def another_user(c: Checker) -> None:
    c.changes[0].user = "another user"


def altered_row(c: Checker) -> None:
    next(iter(c.rows["consultations"].values()))["digest"] = "altered"


def gap_in_the_audit_log(c: Checker) -> None:
    row = next(x for x in c.changes if x.table == "consultations" and x.verb == "UPDATE")
    row.old["digest"] = "altered"


def changed_when_cancelled(c: Checker) -> None:
    row = next(x for x in c.changes if x.old.get("status") == "scheduled")
    row.old["status"] = "cancelled"


def began_as_completed(c: Checker) -> None:
    row = next(x for x in c.changes if x.table == "consultations" and x.verb == "INSERT")
    row.new["status"] = "completed"


def held_by_two(c: Checker) -> None:
    one, other = [x for x in c.changes if x.table == "consultations" and x.verb == "INSERT"][:2]
    other.new["slot_id"] = one.new["slot_id"]


def done_too_early(c: Checker) -> None:
    second = (s[1] for s in c.steps.values() if s[0].table == "availability_slots" and s[1:])
    operation = next(o for o in map(c.operation_of, second) if o and o.outcome and o.outcome.ok)
    for attempt in operation.attempts:
        attempt.invoked = attempt.returned = 0


def never_taken(c: Checker) -> None:
    refused = next(o for o in c.history.operations if o.outcome and o.outcome.code == "TM901")
    c.steps[refused.slot_id] = []


def read_too_early(c: Checker) -> None:
    read = acknowledged(c, "read").outcome
    assert read
    read.returned = read.invoked = 0


def broken_invariant(c: Checker) -> None:
    c.invariants.append(("a_rule", 1, ["an id"]))


TAMPERING: list[tuple[str, Callable[[Checker], None]]] = [
    ("every_answer_is_expected", answered_500),
    ("only_a_killed_worker_leaves_a_request_without_answer", without_answer),
    ("every_unknown_outcome_becomes_known", never_answered),
    ("acknowledged_writes_are_stored", row_is_gone),
    ("acknowledged_writes_are_stored", another_patient),
    ("acknowledged_writes_are_stored", other_slot),
    ("the_effect_is_the_requested_one", other_amount),
    ("the_effect_is_the_requested_one", other_row),
    ("another_request_under_a_used_key_is_refused", accepted_under_a_used_key),
    ("only_a_consultation_that_is_over_is_refused_as_over", never_over),
    ("only_a_busy_patient_is_refused_as_busy", never_busy),
    ("without_faults_requests_succeed", failing_without_faults),
    ("a_refusal_leaves_no_trace", refused_but_done),
    ("nothing_happens_twice", done_twice),
    ("every_key_has_one_outcome", two_answers),
    ("every_key_has_one_outcome", key_is_gone),
    ("nothing_happens_without_a_request", unknown_request),
    ("nothing_happens_without_a_request", another_user),
    ("the_audit_log_leads_to_the_rows", altered_row),
    ("the_audit_log_leads_to_the_rows", gap_in_the_audit_log),
    ("statuses_move_only_as_permitted", changed_when_cancelled),
    ("statuses_move_only_as_permitted", began_as_completed),
    ("a_slot_is_held_by_one_consultation", held_by_two),
    ("each_slot_is_a_register_in_real_time", done_too_early),
    ("each_slot_is_a_register_in_real_time", never_taken),
    ("reads_see_what_was_acknowledged", read_too_early),
    ("all_invariants_hold", broken_invariant),
]


def test_every_rule_of_the_checker_has_an_altered_history() -> None:
    assert {name for name, _ in TAMPERING} == set(RULES)


@pytest.mark.parametrize(
    ("name", "tamper"), TAMPERING, ids=lambda value: getattr(value, "__name__", "")
)
def test_altered_history_breaks_the_rule(
    sound: Result, name: str, tamper: Callable[[Checker], None]
) -> None:
    checker = copy.deepcopy(sound.checker)
    tamper(checker)
    assert list(RULES[name](checker))


def test_answer_of_an_old_leader_is_a_violation_at_any_other_time(sound: Result) -> None:
    """The failover drill counts such reads, but no acknowledged write and no refusal."""
    checker = copy.deepcopy(sound.checker)
    read_too_early(checker)
    checker.old_leaders = [(1, 2)]
    assert len(list(RULES["reads_see_what_was_acknowledged"](checker))) == 1
    checker.old_leaders = [(0, 1)]
    assert list(RULES["reads_see_what_was_acknowledged"](checker)) == []
    assert checker.of_old_leaders == {"read: 200": 1}
    row_is_gone(checker)
    assert list(RULES["acknowledged_writes_are_stored"](checker))
    read = next(o for o in checker.history.operations if o.kind == "read")
    change = next(o for o in checker.history.operations if o.kind != "read" and o.attempts)
    checker.old_leaders = [(0, FOREVER)]
    assert checker.is_of_an_old_leader(read, read.attempts[0])
    assert not checker.is_of_an_old_leader(change, change.attempts[0])
