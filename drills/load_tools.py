"""Load generators: k6 (https://k6.io), runs, and the answers that they write."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import subprocess
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TextIO

from scripts.extras import installed
from scripts.system import CHECKOUT, CommandError, run, say

CACHE = CHECKOUT / ".local" / "bench"  # of programs that only drills need
GIVE_UP_SECONDS = 60  # for the last answers, after the planned end


def k6() -> Path:
    """The program k6, in the locked version. Installs it if it is missing or another version."""
    return installed("load") / "bin/k6"


class Answer(NamedTuple):
    """A line of a load generator, separated by tabs. status 0: no complete answer arrived."""

    path: str
    at: float  # seconds: the scheduled start of the request
    milliseconds: float  # from there to the answer
    status: int
    result: str  # the id of what was booked or cancelled, or the detail of an error


class Load:
    """A load generator at work; `new` reads the answers that have arrived since the last call."""

    def __init__(self, process: subprocess.Popen[bytes], output: TextIO, log: Path) -> None:
        self.process = process
        self._output = output
        self._log = log
        self._rest = ""

    def new(self) -> list[Answer]:
        *lines, self._rest = (self._rest + self._output.read()).split("\n")
        found = []
        for line in lines:
            path, at, milliseconds, status, result = line.split("\t")
            found.append(Answer(path, float(at), float(milliseconds), int(status), result))
        return found

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the load is over; whether it is over. Raises CommandError."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        if code:
            raise CommandError(f"the load generator failed: {self._log.read_text()[-2000:]}")
        return True

    def finish(self, seconds: float) -> list[Answer]:
        """The answers of a load that takes so long. Raises CommandError."""
        if not self.wait(seconds + GIVE_UP_SECONDS):
            raise CommandError(f"the load generator does not end: {self._log.read_text()[-2000:]}")
        return self.new()


@contextlib.contextmanager
def offer(command: Sequence[str], folder: Path, **variables: object) -> Iterator[Load]:
    """Run a load generator, which writes an Answer for each request to the file ANSWERS."""
    answers, log = folder / "answers", folder / "load.log"
    answers.write_text("")
    # GOGC: k6 takes half as much processor time if it collects garbage more rarely.
    chosen = {"ANSWERS": answers, "GOGC": 400, **variables}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=os.environ | {name: str(value) for name, value in chosen.items()},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        with answers.open() as lines:
            yield Load(process, lines, log)
    finally:
        process.terminate()
        process.wait(60)


def k6_script(script: Path, folder: Path) -> Sequence[str]:
    """The command that runs a script of k6, whose console is the file ANSWERS."""
    options = ("--quiet", "--no-summary", "--no-usage-report", "--address", "")
    console = ("--log-format", "raw", "--console-output", str(folder / "answers"))
    return (str(k6()), "run", *options, *console, str(script))


@dataclass
class Tally:
    """Latencies in milliseconds and statuses of the answers, by path."""

    latencies: dict[str, array[float]] = field(
        default_factory=lambda: defaultdict(lambda: array("d"))
    )
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self.latencies[answer.path].append(answer.milliseconds)
            self.statuses[answer.path, answer.status] += 1

    def percentile(self, path: str, share: float) -> float:
        return percentile(self.latencies[path], share)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def python_with(requirements: Path) -> Path:
    """The Python of a virtual environment in the cache that has these packages."""
    folder = CACHE / requirements.parent.name
    stamp = folder / "requirements.txt"
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        say(f"drill: installing {requirements.relative_to(CHECKOUT)}")
        uv = (sys.executable, "-m", "uv")
        # Behind a company's proxy only the system knows the certificates.
        environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
        run(
            (*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)),
            environment,
        )
        run(
            (
                *(*uv, "pip", "install", "--quiet", "--python", str(python)),
                *("--require-hashes", "-r", str(requirements)),
            ),
            environment,
        )
        shutil.copy(requirements, stamp)
    return python
