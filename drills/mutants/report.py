"""The outcome, on the terminal and in docs/reports/mutants.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from drills import report
from drills.mutants.catalog import BY_HAND, GENERATED, RULES, Mutant
from drills.mutants.suite import Verdict, domain_of
from drills.mutants.survivors import explanation, is_equivalent
from scripts.system import say

KINDS = (BY_HAND, RULES, GENERATED)
INTRODUCTION = """\
# Mutants

Each mutant is the deployed schema with one fault. A test of the pgTAP suite must fail: the test of
the broken object runs first, then the tests that name it, then all others. Some faults show in no
pgTAP file, such as a missing lock, which needs two sessions. For these, Python tests run as well
(`BEYOND_PGTAP` in `drills/mutants/suite.py`). `make drill NAME=mutants COUNT=300 SEED=1`
writes this file. `make test` tries a few of the mutants.

- **by hand**: mutants that a reviewer would be afraid of (`drills/mutants/by_hand.py`)
- **rules**: every constraint, unique index, trigger, policy and NOT NULL removed, every
  operation removed from every audit trigger (`drills/mutants/catalog.py`)
- **generated**: one sign, number, text, statement, condition or guard against null changed in a
  function's body (`drills/mutants/generated.py`), drawn at random
"""


@dataclass
class Result:
    seed: str
    possible: list[Mutant]
    seconds: float
    version: str
    verdicts: list[Verdict]

    def of(self, kind: str) -> list[Verdict]:
        """The verdicts on mutants of a kind that PostgreSQL accepts."""
        return [v for v in self.verdicts if v.mutant.kind == kind and v.killed_by is not None]

    def equivalent(self, kind: str) -> int:
        return sum(v.killed_by == "" and is_equivalent(v.mutant) for v in self.of(kind))

    def killed(self, kind: str) -> int:
        return sum(bool(v.killed_by) for v in self.of(kind))

    def killed_percent(self, kind: str) -> float:
        """The share of the mutants that are not equivalent."""
        counted = len(self.of(kind)) - self.equivalent(kind)
        return 100 * self.killed(kind) / counted if counted else 100

    @property
    def survivors(self) -> list[Verdict]:
        return sorted(v for v in self.verdicts if v.killed_by == "")

    @property
    def unexplained(self) -> list[Verdict]:
        return [v for v in self.survivors if not explanation(v.mutant)]

    def summary(self) -> None:
        """Print the counts and the survivors."""
        for kind in KINDS:
            if tried := self.of(kind):
                say(
                    f"mutants: {kind}: {self.killed(kind)} of {len(tried)} noticed,"
                    f" {self.equivalent(kind)} are equivalent: {self.killed_percent(kind):.1f} %"
                )
        for verdict in self.survivors:
            reason = explanation(verdict.mutant) or "NOT EXPLAINED"
            say(f"mutants: {verdict.mutant.kind}: {verdict.mutant.name}: {reason}")
        say(f"mutants: {self.seconds:.0f} s")

    def domains(self) -> Iterator[str]:
        """Rows of a table: what was tried of each domain and kind."""
        possible = Counter((domain_of(m.subject) or "none", m.kind) for m in self.possible)
        for (domain, kind), number in sorted(possible.items()):
            tried = [v for v in self.of(kind) if (domain_of(v.mutant.subject) or "none") == domain]
            killed = sum(bool(v.killed_by) for v in tried)
            same = sum(v.killed_by == "" and is_equivalent(v.mutant) for v in tried)
            yield (
                f"| {domain} | {kind} | {number} | {len(tried)} | {killed} | {same} |"
                f" {len(tried) - killed - same} |"
            )

    def text(self) -> str:
        """The report."""
        lines = [
            INTRODUCTION,
            "| | tried | noticed | equivalent | not noticed | noticed, without the equivalent |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        for kind in KINDS:
            tried, killed, same = len(self.of(kind)), self.killed(kind), self.equivalent(kind)
            lines.append(
                f"| {kind} | {tried} | {killed} | {same} | {tried - killed - same} |"
                f" {self.killed_percent(kind):.1f} % |"
            )
        lines += [
            "",
            f"Seed {self.seed}, commit {report.commit()}, PostgreSQL {self.version},"
            f" {self.seconds:.0f} s, without earlier runs with the same `VERDICTS=`. Mutants that"
            " PostgreSQL refuses are not counted.",
            "",
            "## Mutants of each domain",
            "",
            "Possible: what the kinds can make of the schema. What was not tried may or may not be"
            " noticed.",
            "",
            "| domain | kind | possible | tried | noticed | equivalent | not noticed |",
            "|---|---|--:|--:|--:|--:|--:|",
            *self.domains(),
            "",
            "## Survivors",
            "",
            "An equivalent mutant behaves like the original for every input."
            " `drills/mutants/survivors.py` has the reasons.",
            "",
        ]
        for verdict in self.survivors:
            reason = explanation(verdict.mutant) or "**not explained**"
            kind = "equivalent" if is_equivalent(verdict.mutant) else "not noticed"
            lines.append(f"- {kind}: {verdict.mutant.name}: {reason}")
        if not self.survivors:
            lines.append("None.")
        lines += ["", "## Mutants noticed by each test", "", "| test | mutants |", "|---|--:|"]
        by_test = Counter(v.killed_by for v in self.verdicts if v.killed_by)
        lines += [f"| `{test}` | {n} |" for test, n in sorted(by_test.items(), key=lambda x: -x[1])]
        lines += ["", "## Mutants by hand", "", "| mutant | noticed by |", "|---|---|"]
        lines += [
            f"| {v.mutant.name} | `{v.killed_by}` |"
            for v in sorted(self.of(BY_HAND))
            if v.killed_by
        ]
        return "\n".join(lines)
