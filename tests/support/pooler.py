"""A real PgBouncer in transaction mode, on a free port of this computer."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from flask import Flask
from psycopg._preparing import PrepareManager

from api import db
from api.app import create_app
from scripts.server import Cluster
from scripts.system import server_user

# Few server connections for many clients, round-robin: each client soon gets a connection that
# another one has used.
CONFIGURATION = """
%include {map}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
admin_users = pgbouncer
pool_mode = {mode}
default_pool_size = {size}
server_round_robin = 1
"""


class Pooler:
    """PgBouncer as a child process, never as a service.

    databases: its map of databases, which `map` has as a file; by default all those of `cluster`.
    """

    def __init__(
        self,
        cluster: Cluster,
        mode: str = "transaction",
        databases: Mapping[str, str] | None = None,
        size: int = 3,
    ) -> None:
        self.databases = databases or {"*": f"host={cluster.socket} port=5432"}
        self.mode = mode
        self.size = size
        self.port = _free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="telemedicine-pooler-", dir="/tmp"))
        self.map = self.folder / "map"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Pooler:
        users = self.folder / "users"
        logins = ("telemed_api", "telemed_worker", "pgbouncer")
        users.write_text("".join(f'"{login}" ""\n' for login in logins))
        lines = [f"{name} = {place}\n" for name, place in self.databases.items()]
        self.map.write_text("".join(["[databases]\n", *lines]))
        (self.folder / "ini").write_text(
            CONFIGURATION.format(
                map=self.map, port=self.port, users=users, mode=self.mode, size=self.size
            )
        )
        owner = server_user()  # PgBouncer refuses root, and has to reach the server's socket
        for path in (self.folder, *self.folder.iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        owner = server_user()
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                (program, "--quiet", str(self.folder / "ini")),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=owner.pw_uid,
                group=owner.pw_gid,
                extra_groups=[] if os.geteuid() == 0 else None,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"PgBouncer does not listen:\n{(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        """Stop at once: requests in flight get no answer."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def url(self, database: str, user: str = "telemed_api") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{quote(database)}"

    @property
    def console(self) -> str:
        return f"postgresql://pgbouncer@127.0.0.1:{self.port}/pgbouncer"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def as_psycopg_does() -> Flask:
    """The API without its support for a pooler: clients share names and do not repeat."""
    db._OwnNames = PrepareManager  # type: ignore[assignment, misc]
    db.InvalidSqlStatementName = db.DuplicatePreparedStatement = ZeroDivisionError  # type: ignore[assignment, misc]
    return create_app()
