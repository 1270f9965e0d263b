"""A real PgBouncer in transaction mode, on a free port of this computer."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
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
[databases]
* = host={socket} port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = 3
server_round_robin = 1
"""


class Pooler:
    """PgBouncer in front of `cluster`, as a child process, never as a service."""

    def __init__(self, cluster: Cluster, mode: str = "transaction") -> None:
        self.cluster = cluster
        self.mode = mode
        self.port = _free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="telemedicine-pooler-", dir="/tmp"))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Pooler:
        users = self.folder / "users"
        users.write_text('"telemed_api" ""\n')
        (self.folder / "ini").write_text(
            CONFIGURATION.format(
                socket=self.cluster.socket, port=self.port, users=users, mode=self.mode
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

    def url(self, database: str) -> str:
        return f"postgresql://telemed_api@127.0.0.1:{self.port}/{quote(database)}"


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
