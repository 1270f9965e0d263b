"""`make browser`: the tests of the pages in Chromium, and the pictures of the documentation.

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
TESTS = ("tests/http/test_browser.py", "tests/console/browser")
# Where tests leave pictures: of /docs, and of pages of the console.
PICTURES = {"PICTURE": "docs/swagger-ui.png", "PICTURES": "docs/pictures"}


def main() -> None:
    if not any(map(shutil.which, PROGRAMS)):
        found = subprocess.run(("sh", "scripts/setup.sh", "chromium"), cwd=CHECKOUT)
        if found.returncode != 0:
            raise CommandError("Chromium could not be installed")
    installed("browser")
    arguments = shlex.split(os.environ.get("ARGS", ""))
    tests = subprocess.run(
        (sys.executable, "-m", "pytest", "-q", *TESTS, *arguments),
        cwd=CHECKOUT,
        env=os.environ | {name: str(CHECKOUT / path) for name, path in PICTURES.items()},
    )
    if tests.returncode != 0:
        raise CommandError("the pages do not work in Chromium")


if __name__ == "__main__":
    command_line("browser", main)
