"""Compare the hot paths with a history of years. SIZES="100000 1000000" SECONDS=10

Two clients at a time send the API's statement, with another person for each call. All sizes are
measured in turns, because the speed of a computer varies. Before that, the plans of the hot queries
are read at each size.
"""

from __future__ import annotations

import os
import random
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import chain

import psycopg

from drills import report
from drills.hot_paths import SETTINGS, Call, Stock, at_work, figures_of
from drills.past import make_past
from drills.scale.plans import INDEXES, Reporter, calls_of, problems
from drills.stage import durable_cluster
from scripts.server import Cluster
from scripts.system import CommandError, command_line, say

TURNS = 5
WARM_UP_SECONDS = 15  # most of the patients list once, so that their newest rows are cached
# The recommendation of docs/sizing.md.
QUARTER_OF_MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 // 2**20
LONGEST_GROWTH = 1.2  # of the median time, from the smallest to the largest size
SEALED = "book, the audit log sealed ten times a second"
# As many rows as a patient has with 100,000 consultations, so that each size has an equal page.
PAGE = 5
# Keys of bookings, as the API would have left them behind: in an empty table nothing is searched.
KEYS = """
insert into app.idempotency_keys (
    user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
select patient_id, 'book_consultation', id::text, sha256(''), 1, id, '{}'
  from app.consultations limit 20000;
analyze app.idempotency_keys
"""
# By path, by size: the seconds of each call in each turn.
Times = dict[str, dict[int, list[list[float]]]]


def main() -> None:
    sizes = [int(size) for size in (os.environ.get("SIZES") or "100000 1000000").split()]
    seconds = float(os.environ.get("SECONDS") or 10)
    settings = {**SETTINGS, "shared_buffers": f"{QUARTER_OF_MEMORY}MB"}
    with durable_cluster(settings=settings) as cluster:
        for size in sizes:
            began = time.monotonic()
            make_past(cluster, name(size), size, future_slots=200)
            bytes_ = cluster.sql(
                "select pg_size_pretty(pg_database_size(current_database()))", name(size)
            )
            say(f"scale: {size:,} consultations, {bytes_}: {time.monotonic() - began:.0f} s")
        changed = {size: changed_plans(cluster, name(size)) for size in sizes}
        times = measure(cluster, sizes, seconds)
        version = cluster.version
    growth = {path: growth_of(*by_size.values()) for path, by_size in times.items()}
    report.write("scale", text(sizes, times, growth, version, seconds))
    failures = [
        f"{path}: {factor:.2f} times as long with {sizes[-1]:,} consultations"
        for path, factor in growth.items()
        if factor > LONGEST_GROWTH
    ] + [f"{size:,}: {problem}" for size, found in changed.items() for problem in found]
    for failure in failures:
        say(f"scale: {failure}")
    if failures:
        raise CommandError("not within its bounds")


def name(size: int) -> str:
    return f"scale_{size}"


def measure(cluster: Cluster, sizes: list[int], seconds: float) -> Times:
    times: Times = defaultdict(lambda: defaultdict(list))
    calls = {size: timed(Stock.of(cluster, name(size))) for size in sizes}
    for size, by_path in calls.items():
        for call in by_path.values():
            at_work(cluster, name(size), call, WARM_UP_SECONDS)
    for turn in range(TURNS):
        for path in calls[sizes[0]]:
            for size in sizes if turn % 2 else reversed(sizes):
                work = at_work(cluster, name(size), calls[size][path], seconds / TURNS)
                times[path][size].append(work)
        for size in sizes if turn % 2 else reversed(sizes):
            with sealer(cluster, name(size)):
                work = at_work(cluster, name(size), calls[size]["book"], seconds / TURNS)
            times[SEALED][size].append(work)
    return {path: {size: times[path][size] for size in sizes} for path in times}


def timed(stock: Stock) -> dict[str, Callable[[], Call]]:
    chance = random.Random(1)

    def newest() -> Call:
        return chance.choice(stock.patients), "list_consultations", {"limit": PAGE}

    return stock.calls(chance) | {"list, as the patient": newest}


def growth_of(*sizes: list[list[float]]) -> float:
    """The median over the turns: how many times as long a call takes at the last size."""
    turns = zip(sizes[0], sizes[-1], strict=True)
    return statistics.median(statistics.median(b) / statistics.median(a) for a, b in turns)


def changed_plans(cluster: Cluster, database: str) -> list[str]:
    """What is wrong with the plans of the hot queries: see drills.scale.plans.problems."""
    for statement in KEYS.split(";\n"):
        cluster.sql(statement, database)
    calls = calls_of(cluster, database, Stock.of(cluster, database), random.Random(1))
    with closing(Reporter(cluster, database)) as reporter:
        return [
            f"{path}: {problem}"
            for path, call in calls.items()
            for problem in problems(reporter.executions(call), INDEXES[path])
        ]


@contextmanager
def sealer(cluster: Cluster, database: str) -> Iterator[None]:
    over = threading.Event()

    def seal() -> None:
        with psycopg.connect(cluster.url(database), autocommit=True) as connection:
            while not over.wait(0.1):
                connection.execute("select ops.seal_audit()")

    with ThreadPoolExecutor(1) as pool:
        sealing = pool.submit(seal)
        try:
            yield
        finally:
            over.set()
            sealing.result()


def figures(by_size: dict[int, list[list[float]]], seconds: float) -> list[str]:
    return [figures_of(list(chain(*turns)), seconds) for turns in by_size.values()]


def text(
    sizes: list[int], times: Times, growth: dict[str, float], version: str, seconds: float
) -> str:
    lines = [
        "# A history of years",
        "",
        "The hot paths with more and more past consultations in the one table: two clients through"
        " SQL, with the statement that the API sends, fsync on, `shared_buffers`"
        f" {QUARTER_OF_MEMORY / 1024:.1f} GB (a quarter of the memory), everything"
        f" on one computer with {os.cpu_count()} CPUs, PostgreSQL {version}. All sizes are measured"
        f" in {TURNS} turns, {seconds:.0f} s in all for each figure. A patient's list is a page of"
        f" {PAGE}, a doctor's one of 50, so that each size returns as many rows. Before that, the"
        " plans of the hot queries are read at each size: each searches its index, in each of eight"
        " executions. `make drill NAME=scale` writes this file, and fails if a plan differs, or a"
        f" growth is over {LONGEST_GROWTH}; `SIZES=` chooses the sizes. Milliseconds depend on the"
        " computer: compare them between the sizes.",
        "",
        f"Commit {report.commit()}.",
        "",
        "| | " + " | ".join(f"{size:,}" for size in sizes) + " | growth of the median |",
        "|---|" + "---|" * len(sizes) + "--:|",
        *(
            f"| {path} | {' | '.join(figures(by_size, seconds))} | {growth[path]:.2f} |"
            for path, by_size in times.items()
        ),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    command_line("scale", main)
