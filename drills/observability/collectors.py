"""Servers whose collectors of traces take spans, refuse connections or stall, by turns."""

from __future__ import annotations

import contextlib
import http.client
import socket
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from drills import processes
from drills.load_tools import percentile
from drills.stage import DATABASE, Stage
from tests.support.collector import collecting
from tests.support.exposition import scrape
from tests.support.server import Server, serve, wait_for

KINDS = ("no collector", "collector", "closed port", "stalling collector")
ROUND_SECONDS = 3.0
CLIENTS = 4


@dataclass
class Result:
    """The rounds of one kind of collector."""

    kind: str
    p50: list[float] = field(default_factory=list)  # milliseconds, of each round
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # microseconds for each request
    statuses: Counter[int] = field(default_factory=Counter)
    spans: dict[str, float] = field(default_factory=dict)

    def text(self) -> str:
        spans = ", ".join(f"{number:,.0f} {name}" for name, number in self.spans.items())
        return (
            f"{self.kind}: {self.statuses.total():,} requests, p50"
            f" {statistics.median(self.p50):.1f} ms, p99 {statistics.median(self.p99):.1f} ms"
            f" ({min(self.p99):.1f} to {max(self.p99):.1f}), CPU"
            f" {statistics.median(self.cpu):,.0f} us; spans: {spans or 'none'}"
        )

    def faults(self) -> Iterator[str]:
        if set(self.statuses) != {200}:
            yield f"{self.kind}: answers {dict(self.statuses)}"
        takes, counted = self.spans.get("exported", 0) > 0, sum(self.spans.values()) > 0
        if takes != (self.kind == "collector") or counted == (self.kind == "no collector"):
            yield f"{self.kind}: spans {self.spans}"


@contextlib.contextmanager
def servers(clinic: Stage, folder: Path) -> Iterator[dict[str, Server]]:
    """A running server for each kind of collector."""
    url = clinic.cluster.url(DATABASE, "telemed_api")
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(collecting())
        stalling = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            closed = f"http://127.0.0.1:{probe.getsockname()[1]}"
        stalls = f"http://127.0.0.1:{stalling.getsockname()[1]}"
        addresses = ("", collector.address, closed, stalls)
        found = {}
        for number, (kind, address) in enumerate(zip(KINDS, addresses, strict=True)):
            settings = {"WEB_CONCURRENCY": "2", "THREADS": str(CLIENTS)}
            if address:
                settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": address}
                # The last batches of a short run are sent, too.
                settings |= {"OTEL_BSP_SCHEDULE_DELAY": "500", "OTEL_EXPORTER_OTLP_TIMEOUT": "2"}
            found[kind] = stack.enter_context(serve(url, folder / f"otel-{number}", **settings))
            wait_for(found[kind].url + "/health/ready", 200)
        yield found


def run(clinic: Stage, folder: Path, rounds: int, seconds: float) -> list[Result]:
    """Send requests to each server in turn; each turn begins with another server."""
    results = {kind: Result(kind) for kind in KINDS}
    with servers(clinic, folder) as running:
        for number in range(-1, rounds):  # the first turn warms up
            first = number % len(KINDS)
            for kind in (*KINDS[first:], *KINDS[:first]):
                _round(clinic, running[kind], results[kind], seconds, counts=number >= 0)
        time.sleep(3)  # the last batch fails
        for kind, result in results.items():
            found = scrape(running[kind].url)
            for outcome in ("exported", "failed", "dropped"):
                if number := int(found.value("trace_spans_total", outcome=outcome)):
                    result.spans[outcome] = number
    return list(results.values())


def _round(clinic: Stage, server: Server, result: Result, seconds: float, *, counts: bool) -> None:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    doctor = clinic.doctors[0].id
    times: list[float] = []
    statuses: Counter[int] = Counter()

    def work(number: int) -> None:
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        token = clinic.patients[number].token
        until = time.monotonic() + seconds
        while (began := time.monotonic()) < until:
            for path in ("/v1/me", f"/v1/doctors/{doctor}"):
                began = time.monotonic()
                connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                answer.read()
                times.append((time.monotonic() - began) * 1000)
                statuses[answer.status] += 1
        connection.close()

    cpu = processes.cpu_seconds(server.process.pid)
    with ThreadPoolExecutor(CLIENTS) as pool:
        for future in [pool.submit(work, number) for number in range(CLIENTS)]:
            future.result()
    cpu = processes.cpu_seconds(server.process.pid) - cpu
    if counts:
        result.statuses += statuses
        result.p50.append(percentile(times, 0.5))
        result.p99.append(percentile(times, 0.99))
        result.cpu.append(cpu / len(times) * 1e6)
