"""docs/reports/races.md: everything in its table has been counted."""

from __future__ import annotations

import os
from collections.abc import Sequence

from drills import report
from drills.races.scene import Findings, Run, Tally

TEXT = """\
# Races

Many clients do the same thing at the same moment, over and over, and every answer is checked:
through SQL, each client with a connection as the API's own login and with the statement that the
API sends, and through HTTP, with gunicorn and two worker processes. `drills/races/hot_spots.py`
says what each race is and what it expects. The first answer that is wrong ends the run. In every
fourth round of "one open slot" and "crosswise reschedules" through SQL, the slots are locked until
every client waits for one or has its answer: no client comes too late to meet the others.

| race | way | rounds | requests | winners | refused or rolled back | replays | wrong | requests/s |
|---|---|--:|--:|--:|---|--:|--:|--:|
{table}

After each race the tables are compared with the answers. At the end:

- invariants (`ops.check_invariants`): {rules}, of which broken: {broken}
- deadlocks (`pg_stat_database.deadlocks`): {deadlocks}

`TM991` says that an earlier request with the same key is still being worked on; the client asks
again a second later. What was rolled back had worked, and its client took it back. Requests per
second are those of this computer, which the clients shared with the server, and promise nothing.

| | |
|---|---|
| clients | {clients} |
| seed | {seed} |
| commit | {commit} |
| PostgreSQL | {version} |
| CPUs | {cpus} |
| seconds in all | {seconds:.0f} |

To repeat it, about as long: `make drill NAME=races SEED={seed} CLIENTS={clients} ROUNDS={rounds}`.
The seed decides what each client asks for, but not who is first. `tests/concurrency/test_races.py`
has the short form of the races, and `tests/concurrency/test_interleavings.py` two transactions at a
time, step by step: `make test` runs both.
"""


def text(run: Run, tallies: Sequence[Tally], findings: Findings) -> str:
    """The report."""
    return TEXT.format(
        table="\n".join(row_of(tally) for tally in tallies),
        rules=findings.rules,
        broken=", ".join(findings.violations) or "none",
        deadlocks=findings.deadlocks,
        clients=run.clients,
        rounds=run.rounds,
        seed=run.seed,
        commit=report.commit(),
        version=findings.version,
        cpus=len(os.sched_getaffinity(0)),
        seconds=run.seconds,
    )


def row_of(tally: Tally) -> str:
    refused = ", ".join(f"{code} {n:,}" for code, n in tally.refused.items())
    cells = (
        tally.race,
        tally.way,
        f"{tally.rounds:,}",
        f"{tally.requests:,}",
        f"{tally.winners:,}",
        refused,
        f"{tally.replays:,}",
        f"{tally.wrong:,}",
        f"{tally.requests / tally.seconds:,.0f}",
    )
    return f"| {' | '.join(cells)} |"
