"""The checks of a run, and its report."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Sequence

from drills import report
from drills.storm.drill import (
    ALONE,
    BESIDE,
    BESIDE_IMPATIENT,
    LOG_INS,
    READER,
    SOLD_OUT,
    SOLD_OUT_IMPATIENT,
    Result,
)

SLOWER = 10  # times as slow as a read of an idle clinic, at most, is the refusal of a sold-out slot
KEPT = {BESIDE: 1 / 4, BESIDE_IMPATIENT: 1 / 20}  # of the bookings alone, at least
TOO_MANY = "Too many log-ins at the moment. Try again."
EXPECTED = {"read": 200, "book": 201, "sold out": 409, "log in": 200}


def faults(result: Result) -> Iterator[str]:
    """Wrong answers and wrong rows, on a computer of any speed."""
    for (path, status, detail), count in sorted(result.errors.items()):
        busy = path == "log in" and (status == 429 or (status, detail) == (503, TOO_MANY))
        if status != EXPECTED[path] and not busy:
            yield f"{path}: {count:,} answers {status} ({detail})"
    if second := sum(tally.statuses["sold out", 201] for tally in result.parts.values()):
        yield f"sold out: {second:,} answers 201"
    for part, tally in result.parts.items():
        for path in tally.latencies:
            if not tally.statuses[path, EXPECTED[path]]:
                yield f"{part}: no answer {EXPECTED[path]} to {path}"
    if lost := result.booked - result.found:
        yield f"{len(lost):,} consultations were booked and are not in the database"
    if extra := result.found - result.booked:
        yield f"{len(extra):,} consultations are in the database and were not answered with 201"
    for name, count in result.violations.items():
        yield f"the invariant {name} is violated {count:,} times"


def excesses(result: Result) -> Iterator[str]:
    """What the computer did not carry."""
    if (slower := times_slower(result, SOLD_OUT)) > SLOWER:
        yield f"a refusal of the sold-out slot is {slower:.0f} times as slow as an idle read (p95)"
    for part, least in KEPT.items():
        if (kept := share_kept(result, part)) < least:
            yield f"{part}: {kept:.0%} of the bookings alone, less than {least:.0%}"


def times_slower(result: Result, part: str) -> float:
    """The p95 of the refusals of a part, as a multiple of that of an idle read."""
    refusal = result.parts[part].percentile("sold out", 0.95)
    return refusal / result.parts[READER].percentile("read", 0.95)


def share_kept(result: Result, part: str) -> float:
    """Bookings of a part as a share of those alone: the median of the rounds."""
    rounds = zip(result.bookings[part], result.bookings[ALONE], strict=True)
    return statistics.median(beside / max(1, alone) for beside, alone in rounds)


TEXT = """\
# A crowd at a sold-out slot, and log-ins beside bookings

{crowd} clients want one sold-out slot, or log in, each from its own address; {bookers} others book
open slots. A client sends its next request after it has an answer: at once where the table says
"without pauses" and for bookings; otherwise after a second on average, and after a refused log-in
after the seconds of `Retry-After`. gunicorn has the shape of production (2 workers with 4 threads
and 4 connections each, bcrypt of cost {cost}, the default rate limits). k6 runs on the same
computer. `make drill NAME=storm` repeats it; `DURATION=` is the seconds of each part, `ROUNDS=`
repeats the bookings, in turns.

Commit {commit}, PostgreSQL {version} with fsync on, {cpus} CPUs, {seconds:.0f} s for each part,
{rounds} rounds.

{verdicts}

| part | path | answers a second, by status | p50, ms | p95, ms | p99, ms |
|---|---|---|--:|--:|--:|
{rows}

## The sold-out slot

The p95 of the refusals is {slower:.1f} times that of an idle read (bound: {bound}), if each of the
{crowd} clients asks once a second. Without pauses the clinic is saturated, and the mean latency is
{crowd} clients divided by {answered:,.0f} answers a second: the p95 is {slower_impatient:.0f} times
that of an idle read. To stay within {bound} times, the clinic would have to give
{needed:,.0f} answers a second.

## Log-ins

One hash takes {hash:.0f} ms of a core: {cpus} cores hash at most {most:.1f} passwords a second. A
worker hashes `BCRYPT_CONCURRENCY` passwords at a time, and half of its threads hash or wait.
Further log-ins get 503 with `Retry-After` at once, before they reach the database. The other half
of the threads serves bookings, which share the processor with the hashes.

- Beside log-ins, bookings keep {kept:.0%} of their throughput (bound: {least:.0%}).
- Beside log-ins without pauses, they keep {impatient:.0%} (bound: {impatient_least:.0%}):
  {crowd} of {all} clients that wait for a thread are log-ins. `RATE_LIMIT_AUTH` ends that after
  300 requests of an address in a minute; a limit of the proxy in front ends it sooner.
"""


def text(result: Result, failures: Sequence[str]) -> str:
    """The report."""
    plan = result.plan
    reader, sold_out = result.parts[READER], result.parts[SOLD_OUT_IMPATIENT]
    mean_by_p95 = statistics.fmean(sold_out.latencies["sold out"]) / sold_out.percentile(
        "sold out", 0.95
    )
    target = SLOWER * reader.percentile("read", 0.95) * mean_by_p95 / 1000  # mean seconds
    verdicts = [f"**{failure}**" for failure in failures] or ["every bound is kept"]
    verdicts += [
        f"{len(result.booked):,} answers 201, and as many consultations in the database;"
        f" invariants violated: {len(result.violations)}",
        "errors 5xx: "
        + (
            ", ".join(
                f"{path} {status}: {count:,} ({detail})"
                for (path, status, detail), count in sorted(result.errors.items())
                if status >= 500
            )
            or "none"
        ),
        f"log-ins alone: {a_second(result, LOG_INS, 'log in', 200):.1f} a second",
    ]
    return TEXT.format(
        crowd=plan.crowd,
        bookers=plan.bookers,
        all=plan.crowd + plan.bookers,
        cost=plan.cost,
        commit=report.commit(),
        version=result.version,
        cpus=len(os.sched_getaffinity(0)),
        seconds=plan.seconds,
        rounds=plan.rounds,
        verdicts="\n".join(f"- {verdict}" for verdict in verdicts),
        rows="\n".join(rows(result)),
        slower=times_slower(result, SOLD_OUT),
        slower_impatient=times_slower(result, SOLD_OUT_IMPATIENT),
        bound=SLOWER,
        needed=plan.crowd / target,
        answered=len(sold_out.latencies["sold out"]) / plan.seconds,
        hash=result.hash_seconds * 1000,
        most=len(os.sched_getaffinity(0)) / result.hash_seconds,
        kept=share_kept(result, BESIDE),
        least=KEPT[BESIDE],
        impatient=share_kept(result, BESIDE_IMPATIENT),
        impatient_least=KEPT[BESIDE_IMPATIENT],
    )


def a_second(result: Result, part: str, path: str, status: int) -> float:
    """Answers a second with this status."""
    seconds = result.plan.seconds * len(result.bookings[part])
    return result.parts[part].statuses[path, status] / seconds


def rows(result: Result) -> Iterator[str]:
    for part, tally in result.parts.items():
        for path in sorted(tally.latencies):
            statuses = sorted(status for known, status in tally.statuses if known == path)
            counts = [f"{s}: {a_second(result, part, path, s):,.1f}" for s in statuses]
            figures = [f"{tally.percentile(path, share):,.1f}" for share in (0.5, 0.95, 0.99)]
            yield f"| {part} | {path} | {', '.join(counts)} | {' | '.join(figures)} |"
