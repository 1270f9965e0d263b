"""docs/reports/NAME.md: the figures of a drill, its commit, and how to repeat it."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from scripts.system import CHECKOUT, say


def seed() -> str:
    """SEED=, or a new one."""
    return os.environ.get("SEED") or str(random.SystemRandom().randrange(10**9))


def commit() -> str:
    """The commit, and whether files other than reports differ from it."""
    changes = _git("status", "--porcelain", "--", ".", ":!docs/reports")
    return _git("rev-parse", "--short", "HEAD") + ("+changes" if changes else "")


def write(name: str, text: str) -> None:
    """Write the report of the drill `name`; REPORT=FILE writes it somewhere else."""
    path = Path(os.environ.get("REPORT") or CHECKOUT / f"docs/reports/{name}.md")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.rstrip("\n") + "\n")
    say(f"{name}: written to {path}")


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The lines of a table, and an empty one."""
    for number, row in enumerate([head, *rows]):
        cells = [str(cell).replace("|", "\\|") for cell in row]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield "|" + "---|" * len(cells)
    yield ""


class Log:
    """Lines that a drill prints and its report repeats."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        say(f"{self.name}: {line}")
        self.lines.append(line)

    def write(self, title: str, introduction: str, version: str) -> None:
        """Write the report: title, introduction, surroundings and lines."""
        cpus = len(os.sched_getaffinity(0))
        where = f"Commit {commit()}, PostgreSQL {version}, {cpus} CPUs."
        lines = "\n".join(f"- {line}" for line in self.lines)
        write(self.name, f"# {title}\n\n{introduction}\n\n{where}\n\n{lines}\n")


def _git(*arguments: str) -> str:
    result = subprocess.run(
        ("git", *arguments), cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()
