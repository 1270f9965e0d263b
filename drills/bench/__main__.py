"""Measure this build beside an earlier one and a peer. SCALE=200000 ROUNDS=5 SECONDS=1 BASELINE=

SCALE is the number of past consultations, BASELINE the full hash of the earlier commit, which has
to be in the history. PATHS="book get" measures only some paths, BUSY=1 also on a busy machine.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from drills.bench import paths, stacks
from drills.bench.load import Meter, Round, alone
from drills.bench.processes import pss_of_workers
from scripts.cluster import THROWAWAY
from scripts.system import CHECKOUT, CommandError, command_line, run, say

BASELINE = "b80e0a995edf5d5fa2c99be4bbe2043ddbf4241f"
THIS, EARLIER, PEER = "this build", "today's build", "peer"
CLIENTS = (8, 32)
WARM_UP_SECONDS = 1


def main() -> None:
    run(("sh", "scripts/setup.sh", "wrk"), os.environ)
    began = time.monotonic()
    chosen = [path for path in paths.PATHS if path.name in words("PATHS", "")] or paths.PATHS
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}bench-") as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        running = start(folder, stack)
        say(f"bench: the servers are ready: {time.monotonic() - began:.0f} s")
        meter = Meter(running, folder, number("BUSY", 0.1))
        with alone():
            for path in chosen:
                for each in running:
                    meter.round(each, path, CLIENTS[0], WARM_UP_SECONDS)
        found: list[Round] = []
        for path in chosen:
            for clients in CLIENTS:
                found += meter.turns(
                    path, clients, int(number("SECONDS", 1)), int(number("ROUNDS", 5))
                )
                say_rounds(found, path, clients)
        for each in running:
            check_bookings(each)
    say(f"bench: {time.monotonic() - began:.0f} s")


def words(name: str, default: str) -> list[str]:
    return (os.environ.get(name) or default).split()


def number(name: str, default: float) -> float:
    return float(os.environ.get(name) or default)


def start(folder: Path, stack: contextlib.ExitStack) -> list[stacks.Stack]:
    """All servers, with the same data."""
    baseline = os.environ.get("BASELINE") or BASELINE
    earlier = stacks.checkout_of(baseline)
    python = stacks.environment_of_peer(stacks.PEER / "requirements.txt")
    size = int(number("SCALE", 200_000)), int(number("SLOTS", 300))
    ours = stacks.Build(THIS, CHECKOUT, folder / "this", size, stack)
    theirs = stacks.Build(EARLIER, earlier, folder / "earlier", size, stack)
    this = ours.ready()
    peer = stack.enter_context(stacks.peer(PEER, python, folder / "peer", this))
    running = [this, theirs.ready(), peer]
    for each in running:
        paths.prepare(each)
    paths.require_same_answers(running)
    return running


def check_bookings(stack: stacks.Stack) -> None:
    """Raise CommandError unless every answer 201 is a row, and no other row was made."""
    made = stack.count() - stack.before
    say(
        f"bench: {stack.name}: {stack.booked:,} bookings answered, {made:,} made,"
        f" {pss_of_workers(stack.server, stacks.WORKERS):.1f} MiB a worker (PSS)"
    )
    if not stack.booked <= made <= stack.booked + stack.unanswered:
        raise CommandError(f"{stack.name}: bookings are lost or doubled")


def say_rounds(found: Sequence[Round], path: paths.Path, clients: int) -> None:
    here = [r for r in found if (r.path, r.clients) == (path.name, clients)]
    names = dict.fromkeys(r.stack for r in here)
    by_name = {name: [r for r in here if r.stack == name] for name in names}
    peer = statistics.median(r.per_second for r in by_name[PEER])
    for name, rounds in by_name.items():
        speeds = [r.per_second for r in rounds]
        speed = statistics.median(speeds)
        others = max(r.others for r in rounds)
        api, database, p50, p99 = (
            statistics.median(getattr(r, figure) for r in rounds)
            for figure in ("api_us", "database_us", "p50_us", "p99_us")
        )
        say(
            f"{path.name:8} {clients:2} {name:13} {speed:6.0f}/s {speed / peer:5.2f} of the peer,"
            f" spread {(max(speeds) - min(speeds)) / speed:4.0%},"
            f" CPU {api:5.0f} + {database:4.0f} us,"
            f" p50 {p50 / 1000:5.1f} p99 {p99 / 1000:6.1f} ms, others {others:3.0%}"
        )


if __name__ == "__main__":
    command_line("bench", main)
