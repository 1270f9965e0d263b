"""CPU time and memory of processes, from /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SIZE = re.compile(r"^(\w+): +(\d+) kB$", re.MULTILINE)


def tree(root: int) -> list[int]:
    """A process and its descendants."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            waiting += [int(p) for t in tasks for p in (t / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of a process and its descendants, also of those that have ended."""
    ticks = 0
    for pid in tree(root):
        own, ended = _ticks(pid)
        ticks += own + ended
    return ticks / TICKS


def busy_seconds() -> float:
    """The time for which the CPUs of this machine were not idle, stolen time included."""
    line = Path("/proc/stat").read_text().split("\n", 1)[0]
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def memory(pid: int) -> dict[str, int]:
    """Bytes of a process by kind, such as Pss, its proportional set size; empty if it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {kind: int(kib) * 1024 for kind, kib in SIZE.findall(text)}


def pss_of_workers(root: int, workers: int) -> float:
    """The mean proportional set size in MiB of the largest children of a process."""
    sizes = sorted((memory(pid).get("Pss", 0) for pid in tree(root)[1:]), reverse=True)[:workers]
    return sum(sizes) / len(sizes) / 2**20


def open_files(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except FileNotFoundError:
        return 0


def _ticks(pid: int) -> tuple[int, int]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    # The name of a program may contain spaces and brackets.
    utime, stime, cutime, cstime = map(int, text.rpartition(")")[2].split()[11:15])
    return utime + stime, cutime + cstime
