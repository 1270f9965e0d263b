"""The faults of a run, and its report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from drills import report
from drills.fuzz.drill import Answered, Plan

ENOUGH = 10_000  # cases of each role

TEXT = """\
# Requests made from the OpenAPI document

Schemathesis {schemathesis} reads `/openapi.json` and sends valid and invalid requests, one after
the other, as every role to the demo clinic: the examples of the document, the boundaries of each
schema (`coverage`), random values (`fuzzing`), and sequences in which an answer has the ids of the
next request (`stateful`). All checks of Schemathesis are on, and two of this project: every error
is a documented problem, and no valid request is refused by a schema.
`drills/fuzz/schemathesis.toml` has the settings. `make drill NAME=fuzz` repeats it; `EXAMPLES=` is
the number of random requests of each operation, `SEED=` repeats a run with the same data.

Commit {commit}, PostgreSQL {postgresql}, {cpus} CPUs, `SEED={seed} EXAMPLES={examples}`.

{verdicts}

| role | cases | minutes | operations with an answer 2xx | 2xx | 4xx | 5xx | faults |
|---|--:|--:|--:|--:|--:|--:|--:|
{rows}

Checks of all roles together:

| check | passed or failed |
|---|--:|
{checks}
"""


def faults(
    answered: Sequence[Answered], bugs: Sequence[str], broken: dict[str, object]
) -> list[str]:
    """Wrong answers, unexpected errors in the log of the server, and broken invariants."""
    return [
        *(f"{role.role}: {_line(fault)}" for role in answered for fault in role.faults),
        *(f"the log of the server has a bug: {line}" for line in bugs),
        *(f"the invariant {name} is violated: {examples}" for name, examples in broken.items()),
    ]


def _line(fault: dict[str, str]) -> str:
    parts = (fault["check"], fault["operation"], fault["detail"], fault["request"], fault["answer"])
    return " | ".join(" ".join(part.split()) for part in parts if part)


def excesses(answered: Sequence[Answered]) -> Iterator[str]:
    """Roles that sent too little."""
    for role in answered:
        if role.cases < ENOUGH:
            yield f"{role.role}: {role.cases:,} cases, less than {ENOUGH:,}"


def text(answered: Sequence[Answered], plan: Plan, postgresql: str, failures: Sequence[str]) -> str:
    """The report."""
    checks: Counter[str] = sum((role.checks for role in answered), Counter())
    return TEXT.format(
        schemathesis=version("schemathesis"),
        commit=report.commit(),
        postgresql=postgresql,
        cpus=len(os.sched_getaffinity(0)),
        seed=plan.seed,
        examples=plan.examples,
        verdicts="\n".join(f"- **{failure[:500]}**" for failure in failures)
        or "No fault was found.",
        rows="\n".join(_row(role) for role in answered),
        checks="\n".join(f"| `{name}` | {count:,} |" for name, count in sorted(checks.items())),
    )


def _row(role: Answered) -> str:
    families: Counter[str] = Counter()
    for answer, count in role.answers.items():
        families[answer.rpartition(" ")[2][0]] += count
    figures = (role.cases, f"{role.seconds / 60:.1f}", len(role.succeeded))
    shown = (*figures, families["2"], families["4"], families["5"], len(role.faults))
    return (
        f"| {role.role} | "
        + " | ".join(f"{figure:,}" if isinstance(figure, int) else figure for figure in shown)
        + " |"
    )
