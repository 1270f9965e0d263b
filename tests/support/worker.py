"""An instance of the worker, as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.server import Cluster
from scripts.system import CHECKOUT


class Instance:
    """A process of the worker, with its log."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def lines(self, event: str) -> list[dict[str, Any]]:
        found = (json.loads(line) for line in self.log.read_text().splitlines())
        return [line for line in found if line.get("event") == event]

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


@contextlib.contextmanager
def worker(
    cluster: Cluster,
    database: str,
    folder: Path,
    module: str = "tests.support.orders",
    **more: str,
) -> Iterator[Instance]:
    log = folder / f"log-{time.monotonic_ns()}"
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "APP_ENV": "test",
        "WORKER_DATABASE_URL": cluster.url(database, "telemed_worker"),
        "WORKER_LEASE_SECONDS": "3",
        "ENV_FILE": os.devnull,
        **more,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", module),
            cwd=CHECKOUT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Instance(process, log)
    finally:
        process.kill()
        process.wait()
