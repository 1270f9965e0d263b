"""What came of it, on the terminal and in docs/mutants.md."""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from scripts.system import CHECKOUT, say
from tests.mutants.catalog import BY_HAND, GENERATED, RULES
from tests.mutants.suite import Verdict
from tests.mutants.survivors import explanation, is_equivalent

FILE = CHECKOUT / "docs/mutants.md"
KINDS = (BY_HAND, RULES, GENERATED)
INTRODUCTION = """\
# Mutants

Each mutant is the deployed schema with one thing broken. The pgTAP suite has to notice: first the
test of what is broken, then those that speak of it, then all others. Where a lock is missing, two
sessions have to meet to notice; pgTAP has one, so that `tests/races/test_interleavings.py` and
`tests/test_races.py` look as well. It does not see notices either, which is how a replay is told:
`tests/test_idempotency.py` does. `make mutants REPORT=1` writes this file; `COUNT=`, `SEED=` and
`KIND=` choose. A few of them are part of `make test`.

- **by hand**: what a reviewer would be afraid of (`tests/mutants/by_hand.py`)
- **rules**: every constraint, unique index, trigger, policy and NOT NULL taken away, every
  operation left out of every audit trigger (`tests/mutants/catalog.py`)
- **generated**: a sign, a number, a text, a statement, a condition or a guard against null in a
  function's body changed (`tests/mutants/generated.py`), drawn at random
"""


@dataclass
class Result:
    seed: str
    candidates: int
    seconds: float
    version: str
    verdicts: list[Verdict]

    def of(self, kind: str) -> list[Verdict]:
        """Those that PostgreSQL accepted."""
        return [v for v in self.verdicts if v.mutant.kind == kind and v.killed_by is not None]

    def equivalent(self, kind: str) -> int:
        return sum(v.killed_by == "" and is_equivalent(v.mutant) for v in self.of(kind))

    def killed(self, kind: str) -> int:
        return sum(bool(v.killed_by) for v in self.of(kind))

    def killed_percent(self, kind: str) -> float:
        """Of those that are not equivalent."""
        counted = len(self.of(kind)) - self.equivalent(kind)
        return 100 * self.killed(kind) / counted if counted else 100

    @property
    def survivors(self) -> list[Verdict]:
        return sorted(v for v in self.verdicts if v.killed_by == "")

    @property
    def unexplained(self) -> list[Verdict]:
        return [v for v in self.survivors if not explanation(v.mutant)]


def summary(result: Result) -> None:
    for kind in KINDS:
        if tried := result.of(kind):
            say(
                f"mutants: {kind}: {result.killed(kind)} of {len(tried)} noticed,"
                f" {result.equivalent(kind)} are equivalent: {result.killed_percent(kind):.1f} %"
            )
    for verdict in result.survivors:
        reason = explanation(verdict.mutant) or "NOT EXPLAINED"
        say(f"mutants: {verdict.mutant.kind}: {verdict.mutant.name}: {reason}")
    say(f"mutants: {result.seconds:.0f} s")


def write(result: Result) -> Path:
    commit = ("git", "describe", "--always", "--dirty=+changes", "--exclude", "*")
    described = subprocess.run(commit, cwd=CHECKOUT, capture_output=True, text=True).stdout.strip()
    lines = [
        INTRODUCTION,
        "| | tried | noticed | equivalent | not noticed | noticed of those not equivalent |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for kind in KINDS:
        tried, killed, same = len(result.of(kind)), result.killed(kind), result.equivalent(kind)
        lines.append(
            f"| {kind} | {tried} | {killed} | {same} | {tried - killed - same} |"
            f" {result.killed_percent(kind):.1f} % |"
        )
    lines += [
        "",
        f"Seed {result.seed}, commit {described}, PostgreSQL {result.version},"
        f" {result.seconds:.0f} s. Of {result.candidates:,} mutants that can be generated, those"
        " were drawn; what PostgreSQL refuses is not counted.",
        "",
        "## Survivors",
        "",
        "An equivalent mutant does what the original does, whatever comes in."
        " `tests/mutants/survivors.py` has the reasons.",
        "",
    ]
    for verdict in result.survivors:
        reason = explanation(verdict.mutant) or "**not explained**"
        kind = "equivalent" if is_equivalent(verdict.mutant) else "not noticed"
        lines.append(f"- {kind}: {verdict.mutant.name}: {reason}")
    if not result.survivors:
        lines.append("None.")
    lines += ["", "## By whom they were noticed", "", "| test | mutants |", "|---|--:|"]
    by_test = Counter(v.killed_by for v in result.verdicts if v.killed_by)
    lines += [f"| `{test}` | {n} |" for test, n in sorted(by_test.items(), key=lambda x: -x[1])]
    lines += ["", "## Those by hand", "", "| mutant | noticed by |", "|---|---|"]
    lines += [
        f"| {v.mutant.name} | `{v.killed_by}` |" for v in sorted(result.of(BY_HAND)) if v.killed_by
    ]
    FILE.write_text("\n".join(lines) + "\n")
    return FILE
