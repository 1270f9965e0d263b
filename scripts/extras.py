"""Python packages that `make setup` does not install, because few commands need them.

Each group has a lock file, requirements-<group>.txt, and an environment of its own, .local/<group>.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

from scripts.system import CHECKOUT, run, say


def environment_of(group: str) -> Path:
    """The folder of the environment of a group, whether or not it is installed."""
    return CHECKOUT / ".local" / group


def installed(group: str) -> Path:
    """The environment of a group in the locked versions. Installs it if it is missing or older."""
    folder = environment_of(group)
    lock_file = CHECKOUT / f"requirements-{group}.txt"
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests in several processes may need it at once
        stamp = folder / "requirements.txt"
        if not stamp.exists() or stamp.read_text() != lock_file.read_text():
            say(f"{group}: installing {lock_file.name} into {folder}")
            install(group, folder, sys.executable)
            stamp.write_text(lock_file.read_text())
    return folder


def install(group: str, folder: Path, python: str) -> None:
    """Make an environment of a group in any folder, for another Python than this one, too."""
    uv = (sys.executable, "-m", "uv", "--quiet")
    # Behind a company's proxy only the system knows the certificates.
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    run((*uv, "venv", "--clear", "--python", python, str(folder)), environment)
    target = ("--python", str(folder / "bin/python"))
    lock_file = str(CHECKOUT / f"requirements-{group}.txt")
    run((*uv, "pip", "sync", *target, "--require-hashes", lock_file), environment)
