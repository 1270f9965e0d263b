"""`make worker`: one more instance of the worker, on the database of `make run` or another one."""

from __future__ import annotations

import os
import sys

from scripts.cluster import development_cluster
from scripts.run import given, settings
from scripts.system import CHECKOUT, CommandError, command_line


def main() -> None:
    cluster = development_cluster()
    if "WORKER_DATABASE_URL" not in given() and not cluster.running():
        raise CommandError(
            "the development database is not running: start it with `make run`, or set"
            " WORKER_DATABASE_URL"
        )
    os.chdir(CHECKOUT)
    command = [sys.executable, "-m", "worker"]
    os.execve(sys.executable, command, settings(cluster))  # noqa: S606


if __name__ == "__main__":
    command_line("worker", main)
