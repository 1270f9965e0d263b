"""Open loop: latency at offered rates, with k6.

Requests are sent at a constant rate. A server that falls behind makes later requests wait, and
their waiting counts (no coordinated omission).
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drills.bench import load, paths
from drills.bench.stacks import Stack
from scripts.system import CommandError

SCRIPT = Path(__file__).with_name("open_loop.js")
CLIENTS = 64  # requests on their way, at most: a further one is dropped, and the rate is too high
DROPPED = 0.01  # share of requests that may be dropped


@dataclass(frozen=True)
class Latency:
    """The latency of a stack at an offered rate."""

    stack: str
    path: str
    rate: int  # a second
    answered: int
    dropped: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    others: float = 0.0  # share of the CPUs that other programs used

    @property
    def is_sustained(self) -> bool:
        """Whether the stack kept up with the rate."""
        return self.dropped <= DROPPED * (self.answered + self.dropped)


def measure(
    k6: Path, meter: load.Meter, stack: Stack, path: paths.Path, rate: int, seconds: int
) -> Latency:
    """Offer `rate` requests a second. Raises CommandError if an answer has the wrong status."""
    folder = meter.folder
    requests, summary = folder / "requests.json", folder / "summary.json"
    chosen = itertools.islice(path.requests(stack), rate * seconds + 1)
    requests.write_text(json.dumps([_plain(stack, request) for request in chosen]))
    summary.unlink(missing_ok=True)
    settings = {
        "CLIENTS": CLIENTS,
        "FILE": requests,
        "KEY": load.prefix(),
        "NEW_KEY": paths.NEW_KEY,
        "RATE": rate,
        "SECONDS": seconds,
        "STATUS": path.status,
        "SUMMARY": summary,
    }
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with meter.watching(stack) as usage:
        result = subprocess.run(
            (str(k6), "run", "--quiet", "--no-usage-report", str(SCRIPT)),
            env=environment | {name: str(value) for name, value in settings.items()},
            capture_output=True,
            text=True,
        )
    metrics = json.loads(summary.read_text()) if summary.exists() else {}
    if "latency" not in metrics:
        raise CommandError(f"k6 failed: {(result.stdout + result.stderr).strip()}")
    return replace(read(stack, path, rate, metrics), others=usage.others)


def read(stack: Stack, path: paths.Path, rate: int, metrics: dict[str, Any]) -> Latency:
    """The result of a run. Bookings are counted in `stack`."""

    def count(name: str) -> int:
        return int(metrics[name]["values"]["count"]) if name in metrics else 0

    if wrong := count("wrong"):
        raise CommandError(f"{stack.name}, {path.title}, {rate}/s: {wrong} wrong answers")
    answered = count("right")
    if path.once:
        stack.next_slot += answered
        stack.booked += answered
    values = metrics["latency"]["values"]
    return Latency(
        stack=stack.name,
        path=path.name,
        rate=rate,
        answered=answered,
        dropped=count("dropped_iterations"),
        p50_ms=values["med"],
        p95_ms=values["p(95)"],
        p99_ms=values["p(99)"],
    )


def rates(peak: float, shares: Sequence[float]) -> list[int]:
    """Round rates at these shares of a peak."""
    return [max(10, round(peak * share / 10) * 10) for share in shares]


def _plain(stack: Stack, request: paths.Request) -> tuple[str, str, dict[str, str], str]:
    return request.method, stack.url + request.path, request.headers(stack), request.body
