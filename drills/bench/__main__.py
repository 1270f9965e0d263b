"""Measure this build beside an earlier one and a peer. SCALE=200000 ROUNDS=5 SECONDS=1 BASELINE=

SCALE is the number of past consultations, BASELINE the full hash of the earlier commit, which has
to be in the history. PATHS="book get" measures only some paths, PARTS="closed pgbench" only some
parts of: closed, pgbench, others, events, open. OUTPUT= is the folder of the report; without it,
the report is written to docs/reports/ if all is measured. BUSY=1 measures on a busy machine, too.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from drills import load_tools
from drills import report as reports
from drills.bench import events, graphql, open_loop, others, paths, report
from drills.bench.load import Meter, alone
from drills.bench.paths import BOOK, HELLO, PATHS, READS
from drills.bench.pgbench import Calls
from drills.bench.stacks import EARLIER, GRAPHQL, PEER, THIS, WORKERS, Build, checkout_of
from drills.bench.summary import OF_PGBENCH, QUIET, Results, targets
from drills.bench.summary import READS as READ_NAMES
from drills.processes import pss_of_workers
from scripts.cluster import THROWAWAY
from scripts.system import CHECKOUT, CommandError, command_line, installation, run, say

BASELINE = "b80e0a995edf5d5fa2c99be4bbe2043ddbf4241f"
CLIENTS = (8, 32)
WARM_UP_SECONDS = 1
PARTS = "closed pgbench others events open"
OFFERED = (0.2, 0.4, 0.6, 0.8)  # of the throughput of this build in a closed loop
OFFERED_SECONDS = 4
TOOLS = Path(__file__).with_name("tools") / "requirements.txt"


def words(name: str, default: str = "") -> list[str]:
    return (os.environ.get(name) or default).split()


def number(name: str, default: float) -> float:
    return float(os.environ.get(name) or default)


class Bench:
    """A run: its servers, its settings and its results."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.rows = int(number("SCALE", 200_000))
        self.slots = int(number("SLOTS", 300))  # of each doctor
        self.rounds = int(number("ROUNDS", 5))
        self.seconds = int(number("SECONDS", 1))
        self.busy = number("BUSY", QUIET)
        self.baseline = os.environ.get("BASELINE") or BASELINE
        self.paths = [path for path in PATHS if path.name in words("PATHS")] or list(PATHS)
        self.results = Results()

    def start(self) -> None:
        """Start the servers, with the same data."""
        earlier = checkout_of(self.baseline)
        self.tools = load_tools.python_with(TOOLS).parent
        size = self.rows, self.slots
        this_build = Build(THIS, CHECKOUT, self.folder / "this", size, self.stack)
        earlier_build = Build(EARLIER, earlier, self.folder / "earlier", size, self.stack)
        self.this = this_build.ready()
        peer = others.fastapi(PEER, self.folder / "peer", self.this)
        self.peer = self.stack.enter_context(peer)
        self.running = [self.this, earlier_build.ready(), self.peer]
        for each in self.running:
            paths.prepare(each)
        paths.require_same_answers(self.running)
        # Some slots are for other ways to the database of this build.
        slots = self.this.data["slots"]
        part = len(slots) // 6
        self.calls = Calls(self.this, slots[-part:])
        self.slots_of_graphql = slots[-2 * part : -part]
        for each in self.running:
            each.data = each.data | {"slots": each.data["slots"][: -2 * part]}

    def closed(self, parts: Sequence[str]) -> None:
        """Each path in a closed loop, and pgbench with the same call."""
        meter = Meter(self.running, self.folder, self.busy)
        with contextlib.ExitStack() as stack:
            if "others" in parts and others.has_node():
                folder, slots = self.folder / "graphql", self.slots_of_graphql
                found = others.postgraphile(GRAPHQL, folder, self.this, slots)
                self.graphql = stack.enter_context(found)
                meter.stacks = meter.turn = [*self.running, self.graphql]
                meter.variants = {GRAPHQL: {path.name: path for path in graphql.PATHS}}
            for path in self.paths:
                meter.warm_up(path, CLIENTS[0], WARM_UP_SECONDS)
            for path in self.paths:
                for clients in CLIENTS:
                    self.measure(meter, path, clients)
                if "pgbench" in parts and path.name in OF_PGBENCH:
                    self.pgbench(meter, path)

    def pgbench(self, meter: Meter, path: paths.Path) -> None:
        run_ = partial(self.calls.measure, meter, path.name, self.seconds)
        with alone():
            speeds = [meter.quiet(run_).per_second for _ in range(self.rounds)]
        self.results.pgbench[path.name] = speeds
        say(f"{path.name:8}  8 {'pgbench':14} {statistics.median(speeds):6.0f}/s")

    def hello(self) -> None:
        """The least that each framework answers."""
        with contextlib.ExitStack() as stack:
            least = [
                stack.enter_context(make(name, self.folder, self.this))
                for name, make in (
                    ("hello, Flask", others.hello_flask),
                    ("hello, FastAPI", others.hello_fastapi),
                )
            ]
            meter = Meter([*self.running, *least], self.folder, self.busy)
            meter.turn = least
            for clients in CLIENTS:
                self.measure(meter, HELLO, clients)

    def events(self) -> None:
        """Bookings of this build with and without their events and jobs, by turns."""
        meter = Meter(self.running, self.folder, self.busy)
        for clients in CLIENTS:
            found = list(events.turns(meter, self.this, clients, self.seconds, self.rounds))
            self.results.rounds += found
            ratio = self.results.ratios(events.SILENT, events.NAME, "per_second")[-1]
            say(f"book     {clients:2} with events and jobs: {ratio:.2f} of the bookings without")

    def measure(self, meter: Meter, path: paths.Path, clients: int) -> None:
        found = list(meter.turns(path, clients, self.seconds, self.rounds))
        self.results.rounds += found
        base = self.results.figures(PEER, path.name, clients)
        for name in dict.fromkeys(r.stack for r in found):
            figures = self.results.figures(name, path.name, clients)
            if figures:
                ratio = f"{figures.per_second / base.per_second:5.2f}" if base else "     "
                say(
                    f"{path.name:8} {clients:2} {name:14} {figures.per_second:6.0f}/s, {ratio} of"
                    f" the peer's, spread {figures.spread:4.0%}, CPU {figures.api_us:5.0f} +"
                    f" {figures.database_us:4.0f} us, p99 {figures.p99_us / 1000:6.1f} ms"
                )

    def open(self) -> None:
        """Latency at offered rates."""
        k6 = load_tools.k6()
        meter = Meter(self.running, self.folder, self.busy)
        for path in (BOOK, READS):
            for rate in open_loop.rates(self.peak(meter, path), OFFERED):
                for each in self.running:
                    with alone():
                        found = meter.quiet(
                            partial(open_loop.measure, k6, meter, each, path, rate, OFFERED_SECONDS)
                        )
                    self.results.latencies.append(found)
                    kept_up = "" if found.is_sustained else f", {found.dropped} dropped"
                    say(
                        f"{path.name:8} {rate:5}/s {each.name:14} p50 {found.p50_ms:6.1f},"
                        f" p99 {found.p99_ms:6.1f} ms{kept_up}"
                    )

    def peak(self, meter: Meter, path: paths.Path) -> float:
        """The throughput of this build in a closed loop, which no open loop exceeds."""
        names = READ_NAMES if path is READS else [path.name]
        found = [self.results.figures(THIS, name, CLIENTS[1]) for name in names]
        speeds = [figures.per_second for figures in found if figures]
        if len(speeds) == len(names):
            return statistics.harmonic_mean(speeds)
        with alone():
            return meter.round(self.this, path, CLIENTS[1], 2 * self.seconds).per_second

    def check_bookings(self) -> None:
        """Raise CommandError unless every answer 201 is a row, and no other row was made."""
        for each in self.running:
            guests = [self.calls.booked] if each is self.this else []
            unanswered = each.unanswered
            if each is self.this and (guest := getattr(self, "graphql", None)):
                guests.append(guest.booked)
                unanswered += guest.unanswered
            answered = each.booked + sum(guests)
            made = each.count() - each.before
            say(f"bench: {each.name}: {answered:,} bookings answered, {made:,} made")
            if not answered <= made <= answered + unanswered:
                raise CommandError(f"{each.name}: bookings are lost or doubled")

    def about(self) -> dict[str, object]:
        """Where and how the figures were measured."""
        version = subprocess.run(
            (str(installation().binaries / "postgres"), "--version"), capture_output=True, text=True
        )
        return {
            "commit": reports.commit(),
            "baseline": self.baseline,
            "rows": self.rows,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "cpus": len(os.sched_getaffinity(0)),
            "busy": self.busy,
            "others": max(
                (x.others for x in (*self.results.rounds, *self.results.latencies)), default=0.0
            ),
            "versions": {"PostgreSQL": version.stdout.split()[2], **others.versions()},
        }


def main() -> None:
    run(("sh", "scripts/setup.sh", "wrk"), os.environ)
    began = time.monotonic()
    parts = words("PARTS", PARTS)
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}bench-") as name,
        contextlib.ExitStack() as stack,
    ):
        bench = Bench(Path(name), stack)
        bench.start()
        say(f"bench: the servers are ready: {time.monotonic() - began:.0f} s")
        if "closed" in parts:
            bench.closed(parts)
            # All workers have had the same work until here.
            sizes = {s.name: pss_of_workers(s.server, WORKERS) for s in bench.running}
            bench.results.pss_mib = sizes
        if "others" in parts:
            bench.hello()
        if "events" in parts:
            bench.events()
        if "open" in parts:
            bench.open()
        bench.check_bookings()
        bench.results.about = bench.about()
        for target in targets(bench.results):
            say(f"bench: {target}")
        is_whole = parts == PARTS.split() and bench.paths == list(PATHS)
        if is_whole or os.environ.get("OUTPUT"):
            report.write(bench.results, bench.tools / "python")
    say(f"bench: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    command_line("bench", main)
