"""Medians of the rounds, and whether they reach the targets."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drills.bench import events
from drills.bench.load import Round
from drills.bench.open_loop import Latency
from drills.bench.stacks import EARLIER, PEER, THIS

READS = ("slots", "get", "list")
QUIET = 0.1  # share of the CPUs that other programs may use in a round
# Throughput, as a multiple of the peer's.
OF_PEER = {"book": 3.0, "slots": 2.2, "get": 1.6, "list": 1.7, "replay": 1.8, "sold-out": 1.8}
# Throughput and CPU time, as a multiple of the earlier build's.
BOOKINGS_OF_EARLIER, READS_OF_EARLIER = 1.5, 1.7
API_OF_EARLIER, DATABASE_OF_EARLIER = 0.55, 0.65
# Throughput, as a share of pgbench's.
OF_PGBENCH = {"book": 0.6, "slots": 0.3, "get": 0.3, "list": 0.3}
PGBENCH_CLIENTS = 8
# Bookings with events and jobs, as a share of those without.
OF_SILENT = 0.9


@dataclass(frozen=True)
class Figures:
    """Medians of the rounds of a stack with one path and number of clients."""

    per_second: float
    spread: float  # of the throughput: the largest less the smallest, in shares of the median
    api_us: float
    database_us: float
    p50_us: float
    p95_us: float
    p99_us: float

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> Figures:
        def median(name: str) -> float:
            return statistics.median(float(getattr(r, name)) for r in rounds)

        speeds = [r.per_second for r in rounds]
        speed = statistics.median(speeds)
        names = ("api_us", "database_us", "p50_us", "p95_us", "p99_us")
        spread = (max(speeds) - min(speeds)) / speed
        return cls(speed, spread, **{name: median(name) for name in names})


@dataclass
class Results:
    """Everything that a run measured."""

    about: dict[str, Any] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    pgbench: dict[str, list[float]] = field(default_factory=dict)  # transactions a second
    latencies: list[Latency] = field(default_factory=list)
    pss_mib: dict[str, float] = field(default_factory=dict)  # of a worker

    def figures(self, stack: str, path: str, clients: int) -> Figures | None:
        found = [r for r in self.rounds if (r.stack, r.path, r.clients) == (stack, path, clients)]
        return Figures.of(found) if found else None

    def clients(self) -> list[int]:
        return sorted({r.clients for r in self.rounds})

    def ratios(self, of: str, path: str, figure: str) -> list[float]:
        """A figure of this build, as a multiple of another stack's, for each number of clients."""
        found = []
        for clients in self.clients():
            ours = self.figures(THIS, path, clients)
            theirs = self.figures(of, path, clients)
            if ours and theirs:
                found.append(getattr(ours, figure) / getattr(theirs, figure))
        return found

    def as_dict(self) -> dict[str, Any]:
        return {
            "about": self.about,
            "rounds": [_rounded(r.as_dict()) for r in self.rounds],
            "pgbench": self.pgbench,
            "open_loop": [_rounded(vars(latency)) for latency in self.latencies],
            "pss_mib": _rounded(self.pss_mib),
        }


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {n: round(v, 4) if isinstance(v, float) else v for n, v in figures.items()}


@dataclass(frozen=True)
class Target:
    """A bound of a ratio, and the worst ratio that was measured."""

    text: str
    bound: float
    found: float
    at_least: bool = True

    @property
    def is_met(self) -> bool:
        shown = round(self.found, 2)
        return shown >= self.bound if self.at_least else shown <= self.bound

    def __str__(self) -> str:
        sign = "at least" if self.at_least else "at most"
        met = "met" if self.is_met else "**not met**"
        return f"| {self.text} | {sign} {self.bound:.2f} | {self.found:.2f} | {met} |"


def targets(results: Results) -> list[Target]:
    """The targets of what was measured."""
    return [*_of_peer(results), *_of_earlier(results), *_of_pgbench(results), *_of_silent(results)]


def _of_peer(results: Results) -> Iterator[Target]:
    for path, bound in OF_PEER.items():
        if found := results.ratios(PEER, path, "per_second"):
            yield Target(f"{path}: throughput, of the peer's", bound, min(found))


def _of_earlier(results: Results) -> Iterator[Target]:
    def worst(paths: Iterable[str], figure: str) -> list[float]:
        return [ratio for path in paths for ratio in results.ratios(EARLIER, path, figure)]

    of = "of the earlier build's"
    if found := worst(["book"], "per_second"):
        yield Target(f"book: throughput, {of}", BOOKINGS_OF_EARLIER, min(found))
    if found := worst(READS, "per_second"):
        yield Target(f"reads: throughput, {of}", READS_OF_EARLIER, min(found))
    if found := worst(READS, "api_us"):
        yield Target(f"reads: CPU time of the API, {of}", API_OF_EARLIER, max(found), False)
    if found := worst(["book"], "database_us"):
        yield Target(
            f"book: CPU time of the database, {of}", DATABASE_OF_EARLIER, max(found), False
        )
    if found := worst(OF_PEER, "p99_us"):
        yield Target(f"every path: p99 in a closed loop, {of}", 1.0, max(found), False)
    if found := list(p99_ratios(results)):
        yield Target(f"p99 at the same offered rate, {of}", 1.0, max(found), False)
    if THIS in results.pss_mib and EARLIER in results.pss_mib:
        ratio = results.pss_mib[THIS] / results.pss_mib[EARLIER]
        yield Target(f"memory of a worker, {of}", 1.0, ratio, False)


def p99_ratios(results: Results) -> Iterator[float]:
    """p99 at each rate that both builds sustain."""
    sustained = {(x.stack, x.path, x.rate): x.p99_ms for x in results.latencies if x.is_sustained}
    for (stack, path, rate), p99 in sustained.items():
        if stack == THIS and (EARLIER, path, rate) in sustained:
            yield p99 / sustained[EARLIER, path, rate]


def _of_pgbench(results: Results) -> Iterator[Target]:
    for path, bound in OF_PGBENCH.items():
        if (share := share_of_pgbench(results, path)) is not None:
            yield Target(f"{path}: throughput, of pgbench's", bound, share)


def share_of_pgbench(results: Results, path: str) -> float | None:
    """Throughput as a share of what pgbench gets, with as many clients."""
    ours = results.figures(THIS, path, PGBENCH_CLIENTS)
    if ours is None or not results.pgbench.get(path):
        return None
    return ours.per_second / statistics.median(results.pgbench[path])


def _of_silent(results: Results) -> Iterator[Target]:
    if found := results.ratios(events.SILENT, events.NAME, "per_second"):
        yield Target(
            "book: throughput with events and jobs, of that without", OF_SILENT, min(found)
        )
