"""The checks of a run, and its report."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Sequence

from drills import report
from drills.load_tools import Tally, percentile
from drills.production import PRODUCTION
from drills.soak import sizing
from drills.soak.drill import Interval, Result
from drills.soak.samples import EVERYTHING, MB, Sample

BOUND_MILLISECONDS = 50  # of the p95 of every path
GROWTH = 0.05  # that still counts as flat
MOST_DEAD = 0.2  # share of dead rows, as in ops.advise
BIG_TABLE = 10_000  # rows; autovacuum may leave a small table alone
OTHERS = "other programs"
BUSY = 0.1  # share of the CPUs that other programs may use
SLICES = 12


def faults(result: Result) -> Iterator[str]:
    """Wrong answers and wrong rows, on a computer of any speed."""
    for (path, status, detail), count in sorted(result.errors.items()):
        yield f"{path}: {count:,} answers with the status {status} ({detail})"
    lost = (result.booked | result.cancelled) - result.found.keys()
    if lost:
        yield f"{len(lost):,} consultations were booked and are not in the database"
    if extra := result.found.keys() - result.booked:
        yield f"{len(extra):,} consultations are in the database and were not answered with 201"
    wrong = [
        id_
        for id_, status in result.found.items()
        if status != ("cancelled" if id_ in result.cancelled else "scheduled")
    ]
    if wrong:
        yield f"{len(wrong):,} consultations have another status than was answered"
    for name, count in result.violations.items():
        yield f"the invariant {name} is violated {count:,} times"
    if deadlocks := result.intervals[-1].sample.deadlocks - result.intervals[0].sample.deadlocks:
        yield f"{deadlocks} deadlocks"
    yield from excess_connections(result)


def excess_connections(result: Result) -> Iterator[str]:
    allowed = int(PRODUCTION["WEB_CONCURRENCY"]) * int(PRODUCTION["DATABASE_POOL_SIZE"])
    most = max(interval.sample.connections for interval in result.intervals)
    if most > allowed:
        yield f"{most} connections to the database, more than {allowed}"


def excesses(result: Result) -> Iterator[str]:
    """What the computer did not carry, or what grew."""
    others = seconds_by_part(result)[OTHERS] / capacity(result)
    if others > BUSY:
        yield f"the computer was busy: {OTHERS} used {others:.0%} of the CPUs"
    answered = sum(n for (path, _), n in result.answers.statuses.items() if path != "cancel")
    if missing := result.plan.requests - answered:
        yield f"{missing:,} of {result.plan.requests:,} requests got no answer in time"
    for path in sorted(result.answers.latencies):
        p95 = result.answers.percentile(path, 0.95)
        if p95 > BOUND_MILLISECONDS:
            yield f"{path}: p95 is {p95:.0f} ms, more than {BOUND_MILLISECONDS} ms"
    for name, growth in growths([i.sample for i in result.intervals]).items():
        if growth > GROWTH:
            yield f"the memory of {name} has grown by {growth:.0%}"
    for name, table in result.intervals[-1].sample.tables.items():
        if table.live > BIG_TABLE and table.dead > MOST_DEAD * (table.live + table.dead):
            yield f"{name} has {table.dead:,} dead rows beside {table.live:,}"


def growths(samples: Sequence[Sample]) -> dict[str, float]:
    """Growth of memory between the first and the last third, after a quarter of the run."""
    steady = [s for s in samples if s.at >= samples[-1].at / 4]
    third = len(steady) // 3
    if third == 0:
        return {}

    def growth(memory: Callable[[Sample], float]) -> float:
        first, last = steady[:third], steady[-third:]
        return statistics.median(map(memory, last)) / statistics.median(map(memory, first)) - 1

    return {
        "the workers": growth(lambda sample: sum(sample.workers)),
        "the database": growth(lambda sample: sample.private),
    }


TEXT = """\
# {minutes} minutes at {times} times the asked load

A clinic with {past:,} past consultations gets {bookings} bookings a second, which are {daily:.1f}
million a day, and {reads} reads for each: get one consultation, list mine, the open slots of a
doctor, search of open slots. One patient in ten cancels the booking. gunicorn has the shape of
production (2 workers with 4 threads and 4 connections each). The requests of 20,000 patients come
from the same computer. The loop is open: each request begins on its schedule, and its latency
counts from there, whether or not earlier requests have their answers. (`drills/soak/mix.py` sends
them, which takes 0.12 ms of a core for a request; with k6 it was 0.4 ms, a quarter of two cores.)
The audit log is sealed every minute. `make drill NAME=soak` repeats it; `DURATION=` is in seconds.

Commit {commit}, PostgreSQL {version} with fsync on, {cpus} CPUs.

{verdicts}

| path | answers | p50, ms | p95, ms | p99, ms |
|---|--:|--:|--:|--:|
{paths}

Statuses: {statuses}.

| processor time | share of the {cpus} CPUs | microseconds per request |
|---|--:|--:|
{processor}

A row of the next table ends at its minute. The memory of the workers is their proportional set size
(PSS), that of the database excludes `shared_buffers`. Latencies are those of all paths.

| {columns} |
|{rulers}
{slices}

For each booking the database writes {wal:.1f} kB of WAL, together with the cancellations, the seals
and the checkpoints.

| table | rows | dead rows | vacuums | table, MB | indexes, MB | growth, MB |
|---|--:|--:|--:|--:|--:|--:|
{tables}

## What other loads need

Computed from the figures above and {hash:.0f} ms for a hash. [Sizing](../sizing.md) explains it.

{sizing}
"""
COLUMNS = (
    *("minute", "workers, MB", "database, MB", "`shared_buffers` in use, MB", "connections"),
    *("open files of the workers", "p50, ms", "p95, ms", "p99, ms"),
)


def text(result: Result, failures: Sequence[str]) -> str:
    """The report."""
    plan, answers = result.plan, result.answers
    first, last = result.intervals[0].sample, result.intervals[-1].sample
    grown = growths([i.sample for i in result.intervals])
    verdicts = [f"**{failure}**" for failure in failures] or [
        f"no error, and every p95 is below {BOUND_MILLISECONDS} ms"
    ]
    verdicts += [
        f"{len(result.booked):,} answers 201, and as many consultations in the database,"
        f" {len(result.cancelled):,} of them cancelled; invariants violated:"
        f" {len(result.violations)}",
        "memory from the first to the last third, after a quarter of the run: "
        + ", ".join(f"{name} {growth:+.1%}" for name, growth in grown.items()),
    ]
    statuses = ", ".join(f"{p} {s}: {n:,}" for (p, s), n in sorted(answers.statuses.items()))
    return TEXT.format(
        bookings=plan.bookings,
        daily=plan.bookings * 86_400 / 1e6,
        times=f"{plan.bookings * 86_400 / sizing.ASKED:.0f}",
        past=plan.past,
        reads=plan.reads,
        minutes=f"{plan.seconds / 60:.0f}",
        columns=" | ".join(COLUMNS),
        rulers="--:|" * len(COLUMNS),
        commit=report.commit(),
        version=result.version,
        cpus=len(os.sched_getaffinity(0)),
        verdicts="\n".join(f"- {verdict}" for verdict in verdicts),
        paths="\n".join(path_rows(answers)),
        statuses=statuses,
        processor="\n".join(processor_rows(result)),
        slices="\n".join(slice_rows(result.intervals)),
        wal=costs(result).wal,
        hash=costs(result).hash,
        sizing="\n".join(sizing.table(costs(result))),
        tables="\n".join(table_rows(first, last)),
    )


def path_rows(answers: Tally) -> Iterator[str]:
    for path, latencies in sorted(answers.latencies.items()):
        yield f"| {path} | {len(latencies):,} | {percentiles(latencies)} |"


def percentiles(latencies: Sequence[float]) -> str:
    return " | ".join(f"{percentile(latencies, share):,.1f}" for share in (0.5, 0.95, 0.99))


def processor_rows(result: Result) -> Iterator[str]:
    for part, seconds in seconds_by_part(result).items():
        cost = seconds / answers_of(result) * 1e6
        yield f"| {part} | {seconds / capacity(result):.0%} | {cost:,.0f} |"


def seconds_by_part(result: Result) -> dict[str, float]:
    """Processor time of each part of the run."""
    first, last = result.intervals[0].sample, result.intervals[-1].sample
    used = {part: last.processor[part] - first.processor[part] for part in last.processor}
    everything = used.pop(EVERYTHING)
    used["load generator"] = result.generator_seconds
    return {**used, OTHERS: max(0.0, everything - sum(used.values()))}


def capacity(result: Result) -> float:
    """Seconds of the run, times the CPUs."""
    first, last = result.intervals[0].sample, result.intervals[-1].sample
    return (last.at - first.at) * len(os.sched_getaffinity(0))


def answers_of(result: Result) -> int:
    return max(1, sum(result.answers.statuses.values()))


def costs(result: Result) -> sizing.Costs:
    """The measured costs of a request, a log-in and a booking."""
    first, last = result.intervals[0].sample, result.intervals[-1].sample
    used, bookings = seconds_by_part(result), max(1, len(result.booked))
    size = {s.at: sum(t.heap + t.indexes for t in s.tables.values()) for s in (first, last)}
    return sizing.Costs(
        api=used["API"] / answers_of(result) * 1e6,
        database=used["database"] / answers_of(result) * 1e6,
        hash=result.hash_seconds * 1e3,
        wal=(last.wal - first.wal) / bookings / 1e3,
        growth=(size[last.at] - size[first.at]) / bookings / 1e3,
    )


def slice_rows(intervals: Sequence[Interval]) -> Iterator[str]:
    size = -(-len(intervals) // SLICES)
    for begin in range(0, len(intervals), size):
        part = intervals[begin : begin + size]
        latencies = [ms for i in part for values in i.answers.latencies.values() for ms in values]
        if not latencies:
            continue
        sample = part[-1].sample
        cells = (
            f"{sample.at / 60:.1f}",
            " + ".join(f"{pss / MB:.1f}" for pss in sample.workers),
            f"{sample.private / MB:.1f}",
            f"{sample.shared / MB:.0f}",
            str(sample.connections),
            " + ".join(map(str, sample.files)),
            percentiles(latencies),
        )
        yield f"| {' | '.join(cells)} |"


def table_rows(first: Sample, last: Sample) -> Iterator[str]:
    """The tables that have grown, the largest first."""
    growth = {n: t.heap + t.indexes - first.tables[n].heap - first.tables[n].indexes
              for n, t in last.tables.items()}  # fmt: skip
    for name in sorted(growth, key=growth.__getitem__, reverse=True):
        if growth[name] > 0:
            table = last.tables[name]
            yield (
                f"| `{name}` | {table.live:,} | {table.dead:,} | {table.vacuums}"
                f" | {table.heap / MB:.1f} | {table.indexes / MB:.1f} | {growth[name] / MB:.1f} |"
            )
