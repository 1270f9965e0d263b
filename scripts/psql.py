"""`make psql`: the development database as one of the clinic's database administrators."""

from __future__ import annotations

import os
import sys

from scripts.cluster import DBA_LOGIN, development_cluster
from scripts.system import CHECKOUT, CommandError, command_line


def main() -> None:
    cluster = development_cluster()
    if not cluster.running():
        raise CommandError("the development database is not running: start it with `make run`")
    command = ["psql", "-v", "ON_ERROR_STOP=1"]
    if statement := os.environ.get("SQL"):
        # A table for a person, bare values for a program.
        command += ["-X", "-c", statement, *([] if sys.stdout.isatty() else ["-At"])]
    os.chdir(CHECKOUT)
    environment = cluster.environment(user=DBA_LOGIN)
    os.execvpe("psql", command, environment)  # noqa: S606


if __name__ == "__main__":
    command_line("psql", main)
