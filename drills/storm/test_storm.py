"""The short form of `make drill NAME=storm`, and faults that its checks must find."""

from __future__ import annotations

import copy

import pytest

from drills.load_tools import Answer
from drills.stage import durable_cluster
from drills.storm import drill, findings
from drills.storm.drill import (
    ALONE,
    BESIDE,
    BESIDE_IMPATIENT,
    LOG_INS,
    SOLD_OUT,
    SOLD_OUT_IMPATIENT,
    Plan,
    Result,
)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Result:
    people = {"doctors": 20, "patients": 200}
    crowds = {"crowd": 16, "bookers": 2}
    plan = Plan(seconds=1, rounds=1, past=200, slots=150, cost=4, **people, **crowds)
    with durable_cluster() as cluster:
        return drill.run(cluster, "telemed_storm", tmp_path_factory.mktemp("storm"), plan)


@pytest.fixture
def result(calm: Result) -> Result:
    return copy.deepcopy(calm)


def test_crowds_get_the_documented_answers(result: Result) -> None:
    assert list(findings.faults(result)) == []
    for part in (SOLD_OUT, SOLD_OUT_IMPATIENT):
        assert result.parts[part].statuses.keys() == {("sold out", 409)}
    assert result.parts[LOG_INS].statuses["log in", 200] > 0
    for part in (ALONE, BESIDE, BESIDE_IMPATIENT):
        assert result.parts[part].statuses["book", 201] > 0
    assert "## The sold-out slot" in findings.text(result, [])


def test_lost_booking_is_found(result: Result) -> None:
    result.found.pop()
    assert list(findings.faults(result)) == [
        "1 consultations were booked and are not in the database"
    ]


def test_second_booking_of_a_slot_is_found(result: Result) -> None:
    result.add(SOLD_OUT, [Answer("sold out", 0.0, 1.0, 201, "another")])
    result.found.add("another")
    assert list(findings.faults(result)) == ["sold out: 1 answers 201"]


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("read", 504, "Slow"),
        ("book", 503, findings.TOO_MANY),
        ("log in", 503, "The service is temporarily unavailable. Try again."),
        ("log in", 401, "Wrong"),
        ("sold out", 0, ""),
    ],
)
def test_error_status_is_found(result: Result, path: str, status: int, detail: str) -> None:
    result.add(BESIDE, [Answer(path, 0.0, 1.0, status, detail)])
    assert f"{path}: 1 answers {status} ({detail})" in list(findings.faults(result))


def test_documented_refusals_of_log_ins_are_no_faults(result: Result) -> None:
    answers = [
        Answer("log in", 0.0, 1.0, 503, findings.TOO_MANY),
        Answer("log in", 0.0, 1.0, 429, "More than 300 requests"),
    ]
    result.add(LOG_INS, answers)
    assert list(findings.faults(result)) == []


def test_path_without_a_success_and_violated_invariant_are_found(result: Result) -> None:
    result.parts[BESIDE].statuses["log in", 200] = 0
    result.violations["no_two_consultations_share_a_slot"] = 1
    assert list(findings.faults(result)) == [
        "bookings beside log-ins: no answer 200 to log in",
        "the invariant no_two_consultations_share_a_slot is violated 1 times",
    ]


def test_slow_refusals_and_starved_bookings_are_found() -> None:
    result = Result(Plan(), "15")
    result.add(drill.READER, [Answer("read", 0.0, 2.0, 200, "")])
    result.add(SOLD_OUT, [Answer("sold out", 0.0, 22.0, 409, "")])
    result.bookings = {ALONE: [100, 100], BESIDE: [24, 24], BESIDE_IMPATIENT: [5, 5]}
    assert list(findings.excesses(result)) == [
        "a refusal of the sold-out slot is 11 times as slow as an idle read (p95)",
        "bookings beside log-ins: 24% of the bookings alone, less than 25%",
    ]
