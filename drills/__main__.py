"""`make drill` lists the drills; `make drill NAME=faults DURATION=600` runs one.

A drill is a package of this folder with a `__main__.py`, whose docstring says what the drill does
and which variables it takes. It exits with an error if any of its checks fails.
"""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

from scripts.system import CommandError, command_line, say

FOLDER = Path(__file__).parent


def main() -> None:
    drills = {path.parent.name: path for path in sorted(FOLDER.glob("*/__main__.py"))}
    match sys.argv[1:]:
        case []:
            for name, path in drills.items():
                say(f"make drill NAME={name:<11} {_summary(path)}")
        case [name] if name in drills:
            runpy.run_module(f"drills.{name}", run_name="__main__")
        case names:
            raise CommandError(f"{' '.join(names)} is not one of: {', '.join(drills)}")


def _summary(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


if __name__ == "__main__":
    command_line("drill", main)
