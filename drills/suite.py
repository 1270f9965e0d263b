"""The long form of random tests: the same tests, with many more repetitions."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from drills import report
from scripts.system import CHECKOUT, CommandError, say

KEPT = re.compile(r"(fuzz|properties): .*SEED=|\bpassed\b|\bfailed\b|deployed schema")


def run(name: str, folder: str, title: str, introduction: str, **variables: str) -> None:
    """Run the tests of `folder` with these variables, and write a report of their counts."""
    log = report.Log(name)
    environment = {**os.environ, **variables, "ONLY": "python", "ARGS": f"-s {folder}"}
    with subprocess.Popen(
        (sys.executable, "-m", "scripts.test"),
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            if KEPT.search(line):
                log.say(line.strip().strip("= "))
            else:
                say(line.rstrip())
    if process.returncode:
        raise CommandError("FAILED")
    version = next((line.split()[2] for line in log.lines if "deployed schema" in line), "")
    log.write(title, introduction, version)
