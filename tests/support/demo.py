"""A server with the demo data of `make run`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.password_hashing import hash_password
from scripts.run import DEMO_PASSWORD, PSQL
from scripts.server import Cluster
from scripts.system import run
from tests.support.server import Server, serve, wait_for


def load_demo_data(cluster: Cluster, database: str) -> None:
    """Fill a new database as `make run` does."""
    variable = f"password_hash={hash_password(DEMO_PASSWORD, 4)}"
    environment = cluster.environment(database)
    run((*PSQL, "-v", variable, "-f", "db/demo/demo_data.sql"), environment)
    run((*PSQL, "-f", "db/demo/demo_slots.sql"), environment)


@contextmanager
def demo_server(cluster: Cluster, database: str, log: Path) -> Iterator[Server]:
    """A server on a new database, with the demo data."""
    load_demo_data(cluster, database)
    with serve(cluster.url(database, "telemed_api"), log) as server:
        wait_for(server.url + "/health/ready", 200)
        yield server
