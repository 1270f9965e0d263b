"""Forge contexts, call functions with random values, read rows of others. CALLS=20000 SEED=

The long form of tests/security.
"""

from __future__ import annotations

import os

from drills import suite
from scripts.system import command_line

INTRODUCTION = """\
The long form of `tests/security`: every function is called with random values by every role, and
every layer of defence is tried alone. `make drill NAME=attack CALLS=20000 SEED=` repeats it."""


def main() -> None:
    calls = os.environ.get("CALLS") or "20000"
    suite.run("attack", "tests/security", "Attacks", INTRODUCTION, ATTACK_CALLS=calls)


if __name__ == "__main__":
    command_line("attack", main)
