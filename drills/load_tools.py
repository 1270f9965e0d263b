"""The load generator k6 (https://k6.io): its installation, its runs and the answers that it logs.

`make setup` does not install it, because only drills use it: it has an environment of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import subprocess
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TextIO

from scripts.system import CHECKOUT, CommandError, run, say

FOLDER = CHECKOUT / ".local/load"
LOCK_FILE = CHECKOUT / "requirements-load.txt"
GIVE_UP_SECONDS = 60  # for the last answers, after the planned end


def k6() -> Path:
    """The program k6, in the locked version. Installs it if it is missing or another version."""
    FOLDER.parent.mkdir(exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests in several processes may need it at once
        stamp = FOLDER / "requirements.txt"
        if not stamp.exists() or stamp.read_text() != LOCK_FILE.read_text():
            say(f"load: installing k6 into {FOLDER}")
            _install()
            stamp.write_text(LOCK_FILE.read_text())
    return FOLDER / "bin/k6"


def _install() -> None:
    uv = (sys.executable, "-m", "uv", "--quiet")
    # Behind a company's proxy only the system knows the certificates.
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    run((*uv, "venv", "--clear", "--python", sys.executable, str(FOLDER)), environment)
    python = ("--python", str(FOLDER / "bin/python"))
    run((*uv, "pip", "sync", *python, "--require-hashes", str(LOCK_FILE)), environment)


class Answer(NamedTuple):
    """A line that a script of k6 logs, separated by tabs. status 0: no complete answer arrived."""

    path: str
    at: float  # seconds: the scheduled start of the request
    milliseconds: float  # from there to the answer
    status: int
    result: str  # the id of what was booked or cancelled, or the detail of an error


class Load:
    """k6 at work with a script; `new` reads the answers that have arrived since the last call."""

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
            raise CommandError(f"k6 failed: {self._log.read_text()[-2000:]}")
        return True

    def finish(self, seconds: float) -> list[Answer]:
        """The answers of a load that takes so long. Raises CommandError."""
        if not self.wait(seconds + GIVE_UP_SECONDS):
            raise CommandError(f"k6 does not end: {self._log.read_text()[-2000:]}")
        return self.new()


@contextlib.contextmanager
def offer(script: Path, folder: Path, **variables: object) -> Iterator[Load]:
    """Run a script with these variables; it logs an Answer for each request."""
    output, log = folder / f"{script.stem}.answers", folder / f"{script.stem}.log"
    output.unlink(missing_ok=True)
    output.touch()
    command = (
        *(str(k6()), "run", "--quiet", "--no-summary", "--no-usage-report", "--address", ""),
        *("--log-format", "raw", "--console-output", str(output), str(script)),
    )
    # GOGC: a rarer collection of garbage halves the processor time of a request.
    environment = {"GOGC": "400", **os.environ, **{n: str(v) for n, v in variables.items()}}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        with output.open() as lines:
            yield Load(process, lines, log)
    finally:
        process.terminate()
        process.wait(60)


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
