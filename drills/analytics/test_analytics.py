"""The short form of the drill: it measures, counts every consultation, and sees what is slow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drills.analytics.__main__ import text
from drills.analytics.drill import DATABASE, MODES, Findings, measure, problems
from scripts.server import Cluster

SIZE = 2_000
FAST = Findings(
    doctors=2,
    bookings={mode: [0.01, 0.02] for mode in MODES},
    ratio=0.9,
    folded=4,
    pending=0,
    figures={"a year": [0.1] * 19 + [1.0]},
    counted=2,
)


def test_short_run_counts_every_consultation_and_folds_beside_bookings(cluster: Cluster) -> None:
    found = measure(cluster, SIZE, 1.5, patients=50, turns=1)
    bookings = cluster.sql(
        "select count(*) from app.consultations where created_at > now() - interval '1 hour'",
        DATABASE,
    )
    assert found.counted == SIZE + int(bookings)
    assert min(len(times) for times in found.bookings.values()) > 0
    assert found.folded > 0
    wrong = "select count(*) from app.analytics_invariants(null) where violations <> '{}'"
    assert cluster.sql(wrong, DATABASE) == "0"
    assert f"A clinic with a year of {SIZE:,} consultations" in text(found, SIZE, 1.5, "15")
    cluster.drop_database(DATABASE)


def test_findings_within_the_bounds_are_no_problem() -> None:
    assert problems(FAST) == []


@pytest.mark.parametrize(
    ("slow", "problem"),
    [
        (replace(FAST, ratio=0.89), "0.89 times as many bookings with the fold as without"),
        (replace(FAST, figures={"a year": [0.1] * 19 + [1.01]}), "a year: p95 1.01 s"),
    ],
)
def test_slow_findings_are_a_problem(slow: Findings, problem: str) -> None:
    assert problems(slow) == [problem]
