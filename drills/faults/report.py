"""docs/reports/faults.md: the faults, their effects, and how to repeat the drill."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from drills import report
from drills.checker import RULES
from drills.faults.broken import Broken
from drills.faults.drill import Result
from drills.faults.faults import KILL_BACKEND, KILL_DATABASE, STALL
from drills.faults.scenarios import Outage
from drills.history import FOREVER, KILL_WORKER, History
from drills.proxy import HALF_OPEN
from drills.report import table

OUTAGES = (KILL_DATABASE, KILL_BACKEND, KILL_WORKER, STALL, HALF_OPEN)


@dataclass
class Findings:
    """All parts of the drill."""

    seed: str
    version: str
    drill: Result
    broken: list[tuple[Broken, Result, int]]  # with the number of drills until it was caught
    pool: Outage
    disk: Outage | str

    def text(self) -> str:
        """The report."""
        return "\n".join(_lines(self))

    @property
    def failures(self) -> list[str]:
        """The reasons why the run counts as failed."""
        found = [
            f"{name}: {examples[0]} (and {len(examples) - 1} more)"
            for outage in (self.drill, self.pool, self.disk)
            if not isinstance(outage, str)
            for name, examples in outage.violations.items()
        ]
        return found + [
            f"the build {build.name!r} was not caught"
            for build, result, _ in self.broken
            if not build.caught_by & result.violations.keys()
        ]


def _lines(f: Findings) -> Iterable[str]:
    result, history = f.drill, f.drill.history
    attempts = [a for _, a in history.attempts()]
    kinds = Counter(o.kind for o in history.operations)
    yield _HEAD
    yield from table(
        ("", ""),
        [
            ("seed", f.seed),
            ("commit", report.commit()),
            ("PostgreSQL", f"{f.version}, fsync on"),
            ("CPUs", len(os.sched_getaffinity(0))),
            ("gunicorn", "2 workers, the settings of `.env.example`"),
            ("clients", result.plan.clients),
            ("seconds", f"{result.seconds:.0f}"),
            ("operations", f"{len(history.operations):,}"),
            ("requests", f"{len(attempts):,}"),
            ("faults", f"{len(history.faults):,}"),
            (
                "violations, such as lost or doubled writes",
                sum(map(len, result.violations.values())),
            ),
        ],
    )
    yield "## Faults\n"
    faults = Counter(fault.kind for fault in history.faults)
    rows = [
        (kind, f"{n:,}", _lasted(history, kind), _recovery(history, kind))
        for kind, n in faults.most_common()
    ]
    head = ("fault", "times", "duration", "until a write succeeded again")
    yield from table(head, rows)
    yield _RECOVERY
    yield "\n## Operations and answers\n"
    yield from table(("operation", "times"), [(k, f"{n:,}") for k, n in kinds.most_common()])
    answers = Counter(_answer(a.status, a.code) for a in attempts)
    yield from table(("answer", "times"), [(k, f"{n:,}") for k, n in answers.most_common()])
    yield _unknowns(result)
    yield "\n## Violations of each rule\n"
    yield from table(
        ("rule", "meaning", "violations"),
        [
            (_words(name), " ".join((check.__doc__ or "").split()), _broken(result, name))
            for name, check in RULES.items()
        ],
    )
    yield "## Builds that are broken on purpose\n"
    yield _BROKEN
    yield from table(
        ("build", "its fault", "operations", "faults", "caught by"),
        [
            (
                build.name,
                build.what,
                f"{len(r.history.operations):,}",
                len(r.history.faults),
                "; ".join(f"{_words(n)} ({len(v):,})" for n, v in r.violations.items())
                or "NO RULE",
            )
            for build, r, _ in f.broken
        ],
    )
    yield "## An exhausted connection pool\n"
    yield _POOL
    yield from _outage(f.pool)
    yield "## A full disk\n"
    if isinstance(f.disk, str):
        yield f"Not tried: {f.disk}."
    else:
        yield _DISK
        yield from _outage(f.disk)


def _lasted(history: History, kind: str) -> str:
    return _seconds([f.lasted for f in history.faults if f.kind == kind and f.lasted])


def _seconds(found: list[float]) -> str:
    return f"{statistics.median(found):.2f} s, at most {max(found):.2f} s" if found else ""


def _recovery(history: History, kind: str) -> str:
    """Median and maximum of the seconds until a write succeeded that was asked for afterwards."""
    if kind not in OUTAGES:
        return ""
    writes = sorted(
        (a.invoked, a.returned) for o, a in history.attempts() if o.key and a.ok and not a.replayed
    )
    seconds = []
    for fault in history.faults:
        if fault.kind == kind:
            later = [returned for invoked, returned in writes if invoked >= fault.at]
            seconds.append(min(later, default=FOREVER) - fault.at)
    return _seconds([s for s in seconds if s < FOREVER])


def _unknowns(result: Result) -> str:
    operations = [o for o in result.history.operations if o.key and o.attempts]
    unsure = [o for o in operations if not o.attempts[0].definite]
    done = sum(o.outcome is not None and o.outcome.ok and o.outcome.replayed for o in unsure)
    executed = sum(
        o.outcome is not None and o.outcome.ok and not o.outcome.replayed for o in unsure
    )
    refused = sum(o.outcome is not None and not o.outcome.ok for o in unsure)
    return _UNKNOWN.format(
        unsure=len(unsure),
        done=done,
        executed=executed,
        refused=refused,
        late=result.unknown,
        still=sum(o.outcome is None for o in unsure),
    )


def _outage(outage: Outage) -> Iterable[str]:
    yield from table(
        ("", ""),
        [
            ("operations in all", f"{outage.operations:,}"),
            (
                "answers during the outage",
                ", ".join(f"{answer}: {n:,}" for answer, n in outage.answers.most_common()),
            ),
            ("slowest answer", f"{outage.slowest:.1f} s"),
            ("slowest answer of the second half", f"{outage.slowest_half:.1f} s"),
            ("from the end until a write succeeded", f"{outage.recovery:.2f} s"),
            ("violations", sum(map(len, outage.violations.values()))),
            *([("note", outage.note)] if outage.note else []),
        ],
    )


def _answer(status: int, code: str) -> str:
    return f"{status} {code}".strip() if status else "none: its worker was killed"


def _broken(result: Result, name: str) -> int:
    return len(result.violations.get(name, ()))


def _words(name: str) -> str:
    return name.replace("_", " ")


_HEAD = """\
# Faults

Clients book, retry, cancel, reschedule, complete, pay, refund and read at random, through HTTP and
real gunicorn workers, while a program breaks the database, the connections to it and gunicorn. When
it is over, every request whose outcome is unknown is repeated under its key. Then a checker
compares every answer and its time with every row and the audit log; it does not use the product's
code. `make drill NAME=faults` writes this file. It takes a quarter of an hour;
`DURATION=` (seconds of the first part), `SEED=` and `REPORT=` (another file) change it. A run of a
few seconds is part of `make test`. The seed decides the actions of each client and of the
program that breaks things, but not their order in time.
"""
_RECOVERY = """\
A connection is cut before the statement is passed on, or after the statement and before the Sync
that commits it, or after Sync and COMMIT, so that the answer is lost. No answer may be lost through
SIGHUP, SIGTERM or a fault of the database: only a killed worker may leave a request without an
answer. Times are medians and maxima; other faults may happen at the same time.\
"""
_UNKNOWN = """\
The API repeats a request by itself, once, when the connection to the database is lost and the
request reads or has a key. The outcome of {unsure:,} operations was unknown after their first
attempt nevertheless: the answer was 503, 504 or missing. Repeating the key gave the outcome:
{done:,} had been executed (a replay), {executed:,} had not and were executed then, {refused:,} were
refused. {late:,} of them were left open until the faults were over. Still unknown: {still:,}.\
"""
_BROKEN = """\
The same drill, for a few seconds each, with builds that have one fault each. The drill must catch
every one of them.
"""
_POOL = """\
Every connection to the database hangs for some seconds while 64 clients go on asking: four
connections and eight threads in each of two workers. Every wait has a limit, and waits do not grow:
a connection that hangs is given up after 5 s, a request waits at most 1 s for a connection, and a
request that has waited 2 s for a thread is refused at once.
"""
_DISK = """\
The volume of the database, a small one in memory, is filled to the last byte under load and emptied
again some seconds later.
"""
