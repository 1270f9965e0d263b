"""Compare the functions with a model over random histories. RUNS=2000 SEED=

The long form of tests/properties.
"""

from __future__ import annotations

import os

from drills import suite
from scripts.system import command_line

INTRODUCTION = """\
The long form of `tests/properties`: random histories of the clinic, each step compared with a
model in Python. `make drill NAME=properties RUNS=2000 SEED=` repeats it."""


def main() -> None:
    runs = os.environ.get("RUNS") or "2000"
    suite.run("properties", "tests/properties", "Properties", INTRODUCTION, PROPERTY_RUNS=runs)


if __name__ == "__main__":
    command_line("properties", main)
