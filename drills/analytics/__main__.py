"""Book with and without the fold beside it, and time the figures. SIZE=1000000 SECONDS=60

The clinic has a year with that many consultations and their payments. Bookings are measured in
turns: beside the job that seals the audit log, with the fold after it, and with an admin who reads
the figures of the year as well. The drill fails if bookings are slower with the fold, or if figures
take longer than a second.
"""

from __future__ import annotations

import os

from drills import report
from drills.analytics.drill import (
    BOUND_SECONDS,
    EVERY_SECONDS,
    MODES,
    TURNS,
    Findings,
    measure,
    problems,
)
from drills.hot_paths import SETTINGS, figures_of
from drills.stage import durable_cluster
from scripts.system import CommandError, command_line, say


def main() -> None:
    size = int(os.environ.get("SIZE") or 1_000_000)
    seconds = float(os.environ.get("SECONDS") or 60)
    with durable_cluster(settings=SETTINGS) as cluster:
        found = measure(cluster, size, seconds)
        version = cluster.version
    report.write("analytics", text(found, size, seconds, version))
    failures = problems(found)
    for failure in failures:
        say(f"analytics: {failure}")
    if failures:
        raise CommandError("not within its bounds")


def text(found: Findings, size: int, seconds: float, version: str) -> str:
    without, _, _ = (len(times) for times in found.bookings.values())
    each = seconds / len(MODES)
    lines = [
        "# Analytics",
        "",
        f"A clinic with a year of {size:,} consultations of {found.doctors} doctors, nine in ten of"
        " them completed and paid. Through SQL, with the statement that the API sends, fsync on,"
        f" `shared_buffers` 1 GB, PostgreSQL {version}, {os.cpu_count()} CPUs, everything on one"
        " computer. `make drill NAME=analytics` writes this file, and fails if a bound is not met;"
        " `SIZE=` chooses the number of consultations. Milliseconds depend on the computer.",
        "",
        f"Commit {report.commit()}. On average {os.getloadavg()[1]:.0f} processes wanted to run in"
        " the last five minutes; the drill alone makes that three.",
        "",
        "## Bookings beside the fold",
        "",
        f"Two clients book, in {TURNS} turns, {each:.0f} s in all for each line. Beside them"
        f" `ops.seal_audit` and `ops.fold_activity` run every {EVERY_SECONDS:g} s, 60 times as"
        f" often as [operations.md](../operations.md#scheduled-tasks) asks; {found.folded:,} ids of"
        " the audit log were folded meanwhile.",
        "",
        "| beside the bookings | figures | rate beside the first line |",
        "|---|---|--:|",
        *(
            f"| {mode} | {figures_of(times, each)} | {len(times) / without:.2f} |"
            for mode, times in found.bookings.items()
        ),
        "",
        "The median over the turns of the rate with the fold by the rate without is"
        f" {found.ratio:.2f}.",
        "",
        "## Figures",
        "",
        f"One client, {len(next(iter(found.figures.values())))} calls each, while"
        f" {found.pending:,} changes of the bookings above were not folded. The bound is"
        f" {BOUND_SECONDS:g} s for the 95th percentile.",
        "",
        "| range | median | p95 |",
        "|---|--:|--:|",
        *(
            f"| {name} | {sorted(times)[len(times) // 2] * 1000:.0f} ms"
            f" | {sorted(times)[int(len(times) * 0.95)] * 1000:.0f} ms |"
            for name, times in found.figures.items()
        ),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    command_line("analytics", main)
