"""`make browser`: the tests of the pages in Chromium, and the picture of /docs in the README.

Installs Chromium, unless there is one, and Playwright, which drives it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

from scripts.extras import installed
from scripts.system import CHECKOUT, CommandError, command_line

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PICTURE = CHECKOUT / "docs/swagger-ui.png"


def main() -> None:
    if not any(map(shutil.which, PROGRAMS)):
        found = subprocess.run(("sh", "scripts/setup.sh", "chromium"), cwd=CHECKOUT)
        if found.returncode != 0:
            raise CommandError("Chromium could not be installed")
    installed("browser")
    arguments = shlex.split(os.environ.get("ARGS", ""))
    tests = subprocess.run(
        (sys.executable, "-m", "pytest", "-q", "tests/http/test_browser.py", *arguments),
        cwd=CHECKOUT,
        env={**os.environ, "PICTURE": str(PICTURE)},
    )
    if tests.returncode != 0:
        raise CommandError("the pages do not work in Chromium")


if __name__ == "__main__":
    command_line("browser", main)
