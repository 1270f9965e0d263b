"""Follow the walk of CONTRIBUTING.md in a copy of the checkout, every file and command. KEEP=1

KEEP=1 leaves the copy in place.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from drills import report
from drills.walk import walk
from scripts.system import CommandError, command_line, installation

MOST_BY_HAND = 6
INTRODUCTION = """\
A copy of the checkout gets the function and the route of the walk in
[CONTRIBUTING.md](../../CONTRIBUTING.md): every file that the page shows is written, and every
command is run.
`make drill NAME=walk` repeats it."""


def main() -> None:
    log = report.Log("walk")
    folder = Path(tempfile.mkdtemp(prefix="telemed-walk-"))
    try:
        follow(folder, log)
    finally:
        if os.environ.get("KEEP"):
            log.say(f"the copy is in {folder}")
        else:
            shutil.rmtree(folder)


def follow(folder: Path, log: report.Log) -> None:
    """Raises CommandError at the first step that does not end as the page states."""
    steps = walk.steps()
    by_hand = walk.edits_by_hand(steps)
    walk.copy(folder)
    began = time.monotonic()
    for step in (walk.Command("make setup", fails=False), *steps):
        if isinstance(step, walk.Edit):
            step.apply(folder)
            continue
        started = time.monotonic()
        step.run(folder)
        expected = " (fails, as the page says)" if step.fails else ""
        log.say(f"{time.monotonic() - started:.0f} s: `{step.line}`{expected}")
    log.say(f"{time.monotonic() - began:.0f} s in all")
    log.say(f"{len(by_hand)} files by hand: {', '.join(f'`{path}`' for path in by_hand)}")
    for line in walk.changed(folder).splitlines():
        log.say(f"`{line.strip()}`")
    if len(by_hand) > MOST_BY_HAND:
        raise CommandError(f"more than {MOST_BY_HAND} files by hand")
    log.write("The walk of CONTRIBUTING.md", INTRODUCTION, installation().version)


if __name__ == "__main__":
    command_line("walk", main)
