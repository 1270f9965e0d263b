"""`make clean`: remove the development database, caches and logs. .venv stays."""

from __future__ import annotations

import fcntl
import shutil

from scripts.cluster import development_cluster
from scripts.system import CHECKOUT, CommandError, command_line, say

CACHES = (".mypy_cache", ".pytest_cache", ".ruff_cache")


def main() -> None:
    cluster = development_cluster()
    if cluster.base.exists():
        with (
            cluster.base.with_suffix(".turn").open("a") as turn,
            cluster.base.with_suffix(".users").open("a") as users,
        ):
            try:
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(
                    "the development database is in use: stop `make run` first"
                ) from None
            cluster.stop()
            for path in {cluster.base, cluster.socket}:
                shutil.rmtree(path)
    for name in CACHES:
        shutil.rmtree(CHECKOUT / name, ignore_errors=True)
    for folder in ("api", "scripts", "tests"):
        for path in (CHECKOUT / folder).rglob("__pycache__"):
            shutil.rmtree(path, ignore_errors=True)
    say("clean: the development database and the caches are gone")


if __name__ == "__main__":
    command_line("clean", main)
