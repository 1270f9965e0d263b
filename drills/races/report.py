"""docs/reports/races.md, from the counts of the races."""

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
describes each race and the answers that it expects. The first wrong answer ends the run. In every
fourth round of "one open slot" and "crosswise reschedules" through SQL, the slots are locked until
every client waits for one or has its answer, so that all of them compete.

| race | way | rounds | requests | winners | refused or rolled back | replays | wrong | requests/s |
|---|---|--:|--:|--:|---|--:|--:|--:|
{table}

After each race the tables are compared with the answers. At the end:

- invariants (`ops.check_invariants`): {rules}, of which broken: {broken}
- deadlocks (`pg_stat_database.deadlocks`): {deadlocks}

`TM991` means that an earlier request with the same key is still in flight; the client asks again a
second later. A publication that was rolled back had succeeded before. Requests per second are those
of one computer, which the clients share with the server: they are no promise.

| | |
|---|---|
| clients | {clients} |
| seed | {seed} |
| commit | {commit} |
| PostgreSQL | {version} |
| CPUs | {cpus} |
| seconds in all | {seconds:.0f} |

To repeat it, about as long: `make drill NAME=races SEED={seed} CLIENTS={clients} ROUNDS={rounds}`.
The seed decides the requests of each client, but not their order in time. `make test` runs the
short form of the races (`tests/concurrency/test_races.py`), and two transactions at a time, step by
step (`tests/concurrency/test_interleavings.py`).
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
