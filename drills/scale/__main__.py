"""Time the hot paths with a history of years. SIZES="100000 1000000" SECONDS=10

Two clients at a time send the API's statement, with another person for each call. Milliseconds
depend on the computer: compare them between the sizes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from drills import report
from drills.hot_paths import SETTINGS, Stock, at_work, figures_of, hot_paths
from drills.past import make_past
from drills.stage import durable_cluster
from scripts.server import Cluster
from scripts.system import command_line, say

TURNS = 5


def main() -> None:
    sizes = [int(size) for size in (os.environ.get("SIZES") or "100000 1000000").split()]
    seconds = float(os.environ.get("SECONDS") or 10)
    table: dict[str, list[str]] = {}
    with durable_cluster(settings=SETTINGS) as cluster:
        version = cluster.version
        for size in sizes:
            database = f"scale_{size}"
            began = time.monotonic()
            make_past(cluster, database, size, future_slots=200)
            bytes_ = cluster.sql(
                "select pg_size_pretty(pg_database_size(current_database()))", database
            )
            say(f"scale: {size:,} consultations, {bytes_}: {time.monotonic() - began:.0f} s")
            for path, figures in measure(cluster, database, seconds).items():
                say(f"scale: {path}: {figures}")
                table.setdefault(path, []).append(figures)
            cluster.drop_database(database)
    report.write("scale", text(sizes, table, version, seconds))


def measure(cluster: Cluster, database: str, seconds: float) -> dict[str, str]:
    stock = Stock.of(cluster, database)
    figures = hot_paths(cluster, database, stock, seconds)
    # In turns, because the speed of a computer varies.
    alone, sealed = [], []
    for _ in range(TURNS):
        alone += at_work(cluster, database, stock.book, seconds / TURNS)
        with sealer(cluster, database):
            sealed += at_work(cluster, database, stock.book, seconds / TURNS)
    figures["book, the audit log not sealed"] = figures_of(alone, seconds)
    figures["book, the audit log sealed ten times a second"] = figures_of(sealed, seconds)
    return figures


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


def text(sizes: list[int], table: dict[str, list[str]], version: str, seconds: float) -> str:
    lines = [
        "# A history of years",
        "",
        "The hot paths with more and more past consultations in the one table: two clients through"
        " SQL, with the statement that the API sends, fsync on, `shared_buffers` 1 GB, everything"
        f" on one computer with {os.cpu_count()} CPUs, PostgreSQL {version}, {seconds:.0f} s for"
        " each figure. `make drill NAME=scale` writes this file; `SIZES=` chooses the sizes."
        " Milliseconds depend on the computer: compare them between the sizes.",
        "",
        "| | " + " | ".join(f"{size:,}" for size in sizes) + " |",
        "|---|" + "---|" * len(sizes),
        *(f"| {path} | {' | '.join(figures)} |" for path, figures in table.items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    command_line("scale", main)
