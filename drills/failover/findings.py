"""docs/reports/failover.md."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Iterator

from drills import report
from drills.failover.drill import FAULTS, Result
from drills.report import table

LOST = "acknowledged_writes_are_stored"


def faults(sound: Result, losing: Result) -> list[str]:
    """The reasons why the run counts as failed."""
    found = [
        f"{name}: {examples[0]} (and {len(examples) - 1} more)"
        for name, examples in sound.violations.items()
    ]
    found += sound.faults
    if LOST not in losing.violations:
        found.append("the checker found no lost write with asynchronous replication")
    return found


def text(sound: Result, losing: Result, version: str, parent: str | None, found: list[str]) -> str:
    return "\n".join(_lines(sound, losing, version, parent, found))


def _lines(
    sound: Result, losing: Result, version: str, parent: str | None, found: list[str]
) -> Iterator[str]:
    attempts = [a for _, a in sound.history.attempts()]
    acknowledged = sum(
        o.key is not None and o.outcome is not None and o.outcome.ok
        for o in sound.history.operations
    )
    old = sound.of_old_leaders
    yield _HEAD
    yield from table(
        ("", ""),
        [
            ("seed", sound.plan.seed),
            ("commit", report.commit()),
            (
                "PostgreSQL",
                f"{version}, three nodes, fsync on" + (f", data in {parent}" if parent else ""),
            ),
            ("CPUs", f"{len(os.sched_getaffinity(0))}, for all nodes, the API and the clients"),
            ("seconds", f"{sound.seconds:.0f}"),
            ("faults of the leader", f"{len(sound.outages):,}"),
            ("operations", f"{len(sound.history.operations):,}"),
            ("requests", f"{len(attempts):,}"),
            ("acknowledged writes with a key", f"{acknowledged:,}"),
            ("waits for a standby that were cancelled", f"{sound.cancelled:,}"),
            ("audit seals, exported and compared", f"{sound.seals:,}"),
            (
                "violations, such as lost or doubled writes",
                sum(map(len, sound.violations.values())),
            ),
            ("reads of an old leader that were out of date", old.total()),
            ("other faults found", len(sound.faults)),
        ],
    )
    yield "## Outages\n"
    yield _OUTAGES
    rows = []
    for kind in FAULTS:
        outages = [o for o in sound.outages if o.kind == kind]
        rows.append(
            (
                kind,
                len(outages),
                sum(o.moved for o in outages),
                _seconds([o.outage for o in outages]),
                _seconds([o.whole for o in outages]),
            )
        )
    head = ("fault", "times", "another leader", "no write succeeds", "until three nodes again")
    yield from table(head, rows)
    yield "## Answers\n"
    answers = Counter(f"{a.status} {a.code}".strip() if a.status else "no answer" for a in attempts)
    yield from table(("answer", "times"), [(k, f"{n:,}") for k, n in answers.most_common()])
    yield f"{sound.unknown} operations were still unknown when the faults were over. {_REPEATED}\n"
    yield "## Answers of an old leader\n"
    yield _OLD_LEADERS
    yield from table(("answer", "times"), [(k, f"{n:,}") for k, n in old.most_common()])
    yield "## Asynchronous replication loses\n"
    yield _ASYNCHRONOUS
    yield from table(
        ("rule of the checker", "violations"),
        [(name.replace("_", " "), len(v)) for name, v in losing.violations.items()],
    )
    yield f"{losing.outages[0].kind}: {len(losing.history.operations):,} operations.\n"
    if found:
        yield "## Found\n"
        yield from (f"- {line}" for line in found)


def _seconds(found: list[float]) -> str:
    return f"{statistics.median(found):.1f} s, at most {max(found):.1f} s" if found else ""


_HEAD = """\
# Failover

Three PostgreSQL nodes under Patroni with etcd, quorum-based synchronous replication (each commit
waits for one of two standbys), and two instances of the API that name all nodes in `DATABASE_URL`
(`target_session_attrs=read-write`). Clients book, retry, cancel, reschedule, complete, pay, refund
and read at random, while the leader is broken again and again. Then every request whose outcome is
unknown is repeated under its key, a checker compares all answers with all rows
(`drills/checker.py`, the one of `make drill NAME=faults`), `ops.verify_audit` gets all seals
that were exported meanwhile, and the rows of the three nodes are compared.
`make drill NAME=failover` writes this file; `COUNT=` (of each fault), `SEED=` and `REPORT=`
(another file) change it. A form without Patroni is part of `make test`.
"""
_OUTAGES = """\
Median and maximum. "No write succeeds": from the fault until the API acknowledged a write that was
asked for afterwards; at most 60 s are permitted. "Until three nodes again": from the end of
the fault until two nodes follow the leader; the next fault comes no sooner.
"""
_REPEATED = "Repeating their keys gave their outcomes."
_OLD_LEADERS = """\
A leader that is frozen or cut off, and then goes on, answers clients until it learns that another
one leads. It answers no request for a change, not even with a refusal, because no standby confirms
it. What it shows to a read may be out of date: it may lack what the new leader has, or have a
change that is lost, whose client got 503 `08007`. Such reads count as violations at any other time.
See [failover.md](../failover.md#an-old-leader).
"""
_ASYNCHRONOUS = """\
The same drill, without a synchronous standby: the leader is cut off once, and goes on to
acknowledge writes until it steps down. The checker has to find that they are lost.
"""
