"""docs/races.md: everything in its table has been counted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from scripts.system import CHECKOUT, say
from tests.races.scene import Findings, Run, Tally

REPORT = CHECKOUT / "docs" / "races.md"

TEXT = """\
# Races

Many clients do the same thing at the same moment, over and over, and every answer is checked:
through SQL, each client with a connection as the API's own login and with the statement that the
API sends, and through HTTP, with gunicorn and two worker processes. `tests/races/hot_spots.py` says
what each race is and what it expects. The first answer that is wrong ends the run. In every fourth
round of "one open slot" and "crosswise reschedules" through SQL, the slots are locked until
everybody waits for one or is answered: nobody comes too late to meet the others.

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

To repeat it, about as long: `make races SEED={seed} CLIENTS={clients} ROUNDS={rounds}`.
The seed decides what each client asks for, but not who is first. With `REPORT=1` this file is
written anew; without, a run only prints. `tests/test_races.py` has the short form of the races, and
`tests/races/test_interleavings.py` two transactions at a time, step by step: `make test` runs both.
"""


def write(run: Run, tallies: Sequence[Tally], findings: Findings) -> None:
    text = TEXT.format(
        table="\n".join(row_of(tally) for tally in tallies),
        rules=findings.rules,
        broken=", ".join(findings.violations) or "none",
        deadlocks=findings.deadlocks,
        clients=run.clients,
        rounds=run.rounds,
        seed=run.seed,
        commit=commit(),
        version=findings.version,
        cpus=len(os.sched_getaffinity(0)),
        seconds=run.seconds,
    )
    REPORT.write_text(text)
    say(f"races: written to {REPORT.relative_to(CHECKOUT)}")


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


def commit() -> str:
    """The commit, and whether anything but the report differs from it."""
    changes = git("status", "--porcelain", "--", ".", f":!{REPORT.relative_to(CHECKOUT)}")
    return git("rev-parse", "--short", "HEAD") + ("+changes" if changes else "")


def git(*arguments: str) -> str:
    result = subprocess.run(
        ("git", *arguments), cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()
