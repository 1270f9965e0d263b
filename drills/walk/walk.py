"""The files and commands of the walk in CONTRIBUTING.md, and a copy of the checkout for them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.system import CHECKOUT, CommandError

TITLE = "## A walk: a new function with a route\n"
STEP = re.compile(
    r"^(?:(?:Write|Append to|Insert above `(?P<above>[^`\n]+)` in) `(?P<path>[^`\n]+)`:\n\n"
    r"```\w+\n(?P<text>.*?)^```$|```sh\n(?P<commands>.*?)^```$)",
    re.M | re.S,
)
SURROUNDINGS = {
    "SQITCH_FULLNAME": "A Developer",
    "SQITCH_EMAIL": "developer@telemedicine.invalid",
}
NOT_INHERITED = ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MFLAGS", "NAME", "ONLY", "ARGS")


@dataclass(frozen=True)
class Edit:
    """A text that the reader writes: a whole file, or what comes at the end or above a line."""

    path: str
    text: str
    above: str = ""
    whole: bool = False

    def apply(self, checkout: Path) -> None:
        """Raises CommandError unless the file is as the page says."""
        path = checkout / self.path
        if not path.exists():
            raise CommandError(f"there is no {self.path}, which the walk changes")
        before = path.read_text()
        gap = "\n\n" if path.suffix == ".py" else ""
        if self.whole:
            after = self.text
        elif self.above:
            if f"{self.above}\n" not in before:
                raise CommandError(f"{self.path} has no line {self.above!r}")
            after = before.replace(f"{self.above}\n", f"{self.text}{gap}{self.above}\n", 1)
        else:
            after = before + gap + self.text
        path.write_text(after)


@dataclass(frozen=True)
class Command:
    """A command of the page; `fails`: the page says that it does."""

    line: str
    fails: bool

    def run(self, checkout: Path) -> None:
        """Raises CommandError if the command ends in another way than the page says."""
        inherited = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED}
        result = subprocess.run(
            ("sh", "-c", self.line),
            cwd=checkout,
            env=inherited | SURROUNDINGS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if (result.returncode != 0) != self.fails:
            ended = "does not fail" if self.fails else "fails"
            raise CommandError(f"`{self.line}` {ended}:\n{result.stdout[-8000:]}")


def steps() -> list[Edit | Command]:
    """What the page tells the reader to write and to run, in its order."""
    page = (CHECKOUT / "CONTRIBUTING.md").read_text()
    return list(steps_of(page.partition(TITLE)[2].partition("\n## ")[0]))


def steps_of(section: str) -> Iterator[Edit | Command]:
    for found in STEP.finditer(section):
        if found["commands"]:
            for line in found["commands"].splitlines():
                command, _, remark = line.partition("  #")
                yield Command(command, remark.strip().startswith("fails"))
        else:
            whole = found[0].startswith("Write ")
            yield Edit(found["path"], found["text"], found["above"] or "", whole)


def edits_by_hand(walk: list[Edit | Command]) -> list[str]:
    """The files that the reader writes or changes."""
    return sorted({step.path for step in walk if isinstance(step, Edit)})


def copy(to: Path) -> None:
    """The files of this checkout, as they are now, in a repository of their own with one commit."""
    listed = _git(CHECKOUT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, to / name)
    _git(to, "init", "--quiet")
    _git(to, "add", "--all")
    person = ("-c", "user.name=A Developer", "-c", "user.email=developer@telemedicine.invalid")
    _git(to, *person, "commit", "--quiet", "--message", "checkout")


def changed(checkout: Path) -> str:
    """`git diff --stat` of everything that the walk has changed, new files too."""
    _git(checkout, "add", "--all")
    return _git(checkout, "diff", "--cached", "--stat=100", "HEAD")


def _git(where: Path, *arguments: str) -> str:
    return subprocess.run(
        ("git", *arguments), cwd=where, capture_output=True, text=True, check=True
    ).stdout
