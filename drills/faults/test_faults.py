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
from drills.history import Operation
from drills.stage import durable_cluster
from scripts.server import Cluster

SEED = "short"
KINDS = {"book", "cancel", "reschedule", "complete", "pay", "read", "publish", "confuse"}


@pytest.fixture(scope="module")
def durable() -> Iterator[Cluster]:
    """A cluster with fsync on."""
    with durable_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def sound(durable: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A drill of the product as it is, long enough for everything to happen once."""
    for seconds in (6, 20, 60):
        plan = Plan(SEED, seconds, pause=0.3)
        result = drill.run(durable, tmp_path_factory.mktemp("sound"), plan)
        outcomes = [(o.kind, o.outcome) for o in result.history.operations if o.outcome]
        happened = {kind for kind, outcome in outcomes if outcome.ok or kind == "confuse"}
        refused = {outcome.code for _, outcome in outcomes}
        if happened >= KINDS and refused >= {"TM901", "TM904", "TM905"}:
            break
    return result


def test_faults_under_load_break_no_rule(sound: Result) -> None:
    assert sound.violations == {}
    assert sound.history.faults
    assert {fault.kind for fault in sound.history.faults} <= set(WEIGHTS)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name)
def test_broken_build_is_caught(durable: Cluster, tmp_path: Path, build: Broken) -> None:
    _, result, _ = break_it(durable, tmp_path, build, SEED, seconds=1)
    assert build.caught_by & result.violations.keys(), result.violations


def test_exhausted_pool_answers_503_and_recovers(durable: Cluster, tmp_path: Path) -> None:
    outage = pool_exhaustion(durable, tmp_path, seed=SEED, seconds=2, clients=32)
    assert outage.violations == {}
    assert any(answer.startswith("503") for answer in outage.answers)


# Each rule of the checker, and what would break it: the history or the tables, altered.


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


def somebody_elses(c: Checker) -> None:
    outcome = acknowledged(c, "book").outcome
    assert outcome
    outcome.body["patient_id"] = "somebody else"


def other_slot(c: Checker) -> None:
    outcome = acknowledged(c, "reschedule").outcome
    assert outcome
    outcome.body["slot_id"] = "another slot"


def other_amount(c: Checker) -> None:
    effect = c.effects[acknowledged(c, "pay").number][0]
    effect.new["amount_minor"] += 1


def other_row(c: Checker) -> None:
    c.effects[acknowledged(c, "cancel").number][0].row = "another row"


def confused(c: Checker) -> None:
    refused = next(o for o in c.history.operations if o.kind == "confuse" and o.outcome)
    refused.attempts[0].status, refused.attempts[0].code = 201, ""


def too_late_already(c: Checker) -> None:
    refused, _ = next(c.refused("TM905"))
    c.steps[refused.path.split("/")[3]] = []


def free_after_all(c: Checker) -> None:
    refused, _ = next(c.refused("TM904"))
    refused.user = "somebody without a consultation"


def never_quiet(c: Checker) -> None:
    for _, attempt in c.history.attempts():
        if attempt.invoked >= c.history.quiet_since:
            attempt.status = 503


def refused_after_all(c: Checker) -> None:
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


def from_nowhere(c: Checker) -> None:
    c.changes[0].request_id = "somewhere"


def another_user(c: Checker) -> None:
    c.changes[0].user = "another user"


def altered_row(c: Checker) -> None:
    next(iter(c.rows["consultations"].values()))["digest"] = "altered"


def gap(c: Checker) -> None:
    row = next(x for x in c.changes if x.table == "consultations" and x.verb == "UPDATE")
    row.old["digest"] = "altered"


def moved_on(c: Checker) -> None:
    row = next(x for x in c.changes if x.old.get("status") == "scheduled")
    row.old["status"] = "cancelled"


def began_late(c: Checker) -> None:
    row = next(x for x in c.changes if x.table == "consultations" and x.verb == "INSERT")
    row.new["status"] = "completed"


def held_by_two(c: Checker) -> None:
    one, other = [x for x in c.changes if x.table == "consultations" and x.verb == "INSERT"][:2]
    other.new["slot_id"] = one.new["slot_id"]


def too_early(c: Checker) -> None:
    second = (s[1] for s in c.steps.values() if s[0].table == "availability_slots" and s[1:])
    operation = next(o for o in map(c.operation_of, second) if o and o.outcome and o.outcome.ok)
    for attempt in operation.attempts:
        attempt.invoked = attempt.returned = 0


def taken_by_nobody(c: Checker) -> None:
    refused = next(o for o in c.history.operations if o.outcome and o.outcome.code == "TM901")
    c.steps[refused.slot_id] = []


def old_news(c: Checker) -> None:
    read = acknowledged(c, "read").outcome
    assert read
    read.returned = read.invoked = 0


def invariant(c: Checker) -> None:
    c.invariants.append(("a_rule", 1, ["an id"]))


TAMPERING: list[tuple[str, Callable[[Checker], None]]] = [
    ("every_answer_is_a_proper_one", answered_500),
    ("only_a_killed_worker_leaves_a_request_without_answer", without_answer),
    ("every_unknown_outcome_becomes_known", never_answered),
    ("acknowledged_writes_are_there", row_is_gone),
    ("acknowledged_writes_are_there", somebody_elses),
    ("acknowledged_writes_are_there", other_slot),
    ("what_is_done_is_what_was_asked_for", other_amount),
    ("what_is_done_is_what_was_asked_for", other_row),
    ("another_request_under_a_used_key_is_refused", confused),
    ("who_comes_too_late_hears_so_only_then", too_late_already),
    ("who_is_busy_hears_so_only_then", free_after_all),
    ("without_faults_requests_are_granted", never_quiet),
    ("a_refusal_leaves_no_trace", refused_after_all),
    ("nothing_happens_twice", done_twice),
    ("every_key_has_one_outcome", two_answers),
    ("every_key_has_one_outcome", key_is_gone),
    ("nothing_happens_without_a_request", from_nowhere),
    ("nothing_happens_without_a_request", another_user),
    ("the_trail_leads_to_the_rows", altered_row),
    ("the_trail_leads_to_the_rows", gap),
    ("statuses_move_only_as_permitted", moved_on),
    ("statuses_move_only_as_permitted", began_late),
    ("a_slot_is_held_by_one", held_by_two),
    ("each_slot_is_a_register_in_real_time", too_early),
    ("each_slot_is_a_register_in_real_time", taken_by_nobody),
    ("reads_see_what_was_acknowledged", old_news),
    ("all_invariants_hold", invariant),
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
