"""Three nodes on this computer: PostgreSQL under Patroni, and the etcd that they share."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import requests

from drills.failover.cable import Cable
from drills.processes import tree
from scripts.extras import install
from scripts.server import DATABASE, Cluster
from scripts.system import CommandError, own_directory, run, server_command, server_user

NAMES = ("one", "two", "three")
SCOPE = "clinic"
# A leader that cannot reach etcd steps down before the others elect another one:
# ttl >= loop_wait + 2 * retry_timeout.
SETTINGS = {
    "ttl": 20,
    "loop_wait": 2,
    "retry_timeout": 9,
    "maximum_lag_on_failover": 1048576,
    "primary_start_timeout": 0,  # the leader has crashed: elect another one at once
    "postgresql": {
        "use_pg_rewind": True,
        "remove_data_directory_on_rewind_failure": True,
        "parameters": {"wal_log_hints": "on", "max_connections": 100, "wal_keep_size": "256MB"},
    },
}
SYNCHRONOUS = {"synchronous_mode": "quorum", "synchronous_mode_strict": True}
ASYNCHRONOUS = {"synchronous_mode": False, "synchronous_mode_strict": False}
Found = TypeVar("Found")
WAITING = "from pg_stat_activity where wait_event = 'SyncRep' and usename = 'telemed_api'"


class Node:
    """One node. The other nodes reach it, and it reaches etcd, through cables only."""

    def __init__(self, name: str, base: Path, binaries: Path, python: Path, etcd: int) -> None:
        self.name = name
        self.folder = base / name
        self.data = self.folder / "data"
        self.port, self._api = _free_port(), _free_port()
        self.cables = {
            "postgresql": Cable(self.port),
            "patroni": Cable(self._api),
            "etcd": Cable(etcd),
        }
        self._python = python
        self._patroni: subprocess.Popen[bytes] | None = None
        own_directory(self.folder, server_user())
        self._configure(binaries)

    def start(self) -> None:
        owner = server_user()
        with (self.folder / "patroni.log").open("ab") as log:
            self._patroni = subprocess.Popen(
                (self._python, "-m", "patroni", self.folder / "patroni.json"),
                cwd="/",
                env={
                    "PATH": os.defpath,
                    "LC_ALL": "C.UTF-8",
                    "HOME": str(self.folder),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=owner.pw_uid,
                group=owner.pw_gid,
                extra_groups=[] if os.geteuid() == 0 else None,
            )

    def stop(self) -> None:
        """Stop Patroni, which stops PostgreSQL."""
        self.resume()
        self.repair()
        if self._patroni is not None:
            self._patroni.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._patroni.wait(60)
        self.kill()

    def kill_database(self) -> None:
        """SIGKILL all processes of PostgreSQL."""
        self._signal(self._database(), signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL everything on the node."""
        self._signal(self._processes(), signal.SIGKILL)
        if self._patroni is not None:
            self._patroni.wait()
            self._patroni = None

    def pause(self) -> None:
        """SIGSTOP everything on the node."""
        self._signal(self._processes(), signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(self._processes(), signal.SIGCONT)

    def cut(self) -> None:
        """Cut the node off from the other nodes and from etcd. Clients still reach it."""
        for cable in self.cables.values():
            cable.cut()

    def repair(self) -> None:
        for cable in self.cables.values():
            cable.repair()

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?connect_timeout=3"

    def leads(self) -> bool:
        """Whether the node says that it is the leader."""
        with contextlib.suppress(requests.RequestException):
            return requests.get(self._url("primary"), timeout=2).status_code == 200
        return False

    def require_primary(self) -> None:
        """Raise psycopg.OperationalError unless PostgreSQL is promoted."""
        address = self.url("postgres") + "&target_session_attrs=primary"
        psycopg.connect(address).close()

    def members(self) -> list[dict[str, Any]]:
        """The nodes as this one sees them."""
        with contextlib.suppress(requests.RequestException):
            found: list[dict[str, Any]] = requests.get(self._url("cluster"), timeout=5).json()[
                "members"
            ]
            return found
        return []

    def change(self, settings: dict[str, object]) -> None:
        """Change settings of all nodes."""
        requests.patch(self._url("config"), json=settings, timeout=10).raise_for_status()

    def log(self) -> str:
        return (self.folder / "patroni.log").read_text(errors="replace")

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._api}/{path}"

    def _database(self) -> list[int]:
        """The processes of PostgreSQL; Patroni's are not their parents."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            postmaster = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{postmaster}/cmdline").read_bytes()
            return tree(postmaster) if os.fsencode(self.data) in command else []
        return []

    def _processes(self) -> list[int]:
        patroni = self._patroni
        mine = tree(patroni.pid) if patroni is not None and patroni.poll() is None else []
        return [*mine, *self._database()]

    def _signal(self, processes: list[int], number: signal.Signals) -> None:
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _configure(self, binaries: Path) -> None:
        login = {"username": "postgres"}
        configuration = {
            "scope": SCOPE,
            "name": self.name,
            "restapi": {
                "listen": f"127.0.0.1:{self._api}",
                "connect_address": f"127.0.0.1:{self.cables['patroni'].port}",
            },
            # use_proxies: do not ask etcd for addresses of its own, which would avoid the cable.
            "etcd3": {
                "hosts": [f"127.0.0.1:{self.cables['etcd'].port}"],
                "use_proxies": True,
            },
            "bootstrap": {"dcs": SETTINGS | SYNCHRONOUS},
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.cables['postgresql'].port}",
                "data_dir": str(self.data),
                "bin_dir": str(binaries),
                "pgpass": str(self.folder / "pgpass"),
                "use_unix_socket": True,
                "authentication": {"superuser": login, "replication": login, "rewind": login},
                "parameters": {"unix_socket_directories": str(self.folder)},
                "pg_hba": [
                    "local all all trust",
                    "host all all 127.0.0.1/32 trust",
                    "host replication all 127.0.0.1/32 trust",
                ],
            },
        }
        (self.folder / "patroni.json").write_text(json.dumps(configuration))


class Nodes(Cluster):
    """Three nodes as one server: whoever connects finds the leader, as libpq does."""

    def __init__(self, base: Path, python: Path, etcd: int) -> None:
        super().__init__(base)
        self.nodes = [Node(name, base, self.binaries, python, etcd) for name in NAMES]

    def url(self, database: str = DATABASE, user: str = "postgres") -> str:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        more = "target_session_attrs=read-write&connect_timeout=3"
        return f"postgresql://{user}@{hosts}/{database}?{more}"

    def environment(self, database: str = DATABASE, user: str = "postgres") -> dict[str, str]:
        return super().environment(database, user) | {
            "PGHOST": ",".join("127.0.0.1" for _ in self.nodes),
            "PGPORT": ",".join(str(node.port) for node in self.nodes),
            "PGTARGETSESSIONATTRS": "read-write",
            "PGCONNECT_TIMEOUT": "3",
        }

    def leader(self, *, but: Node | None = None, seconds: float = 120) -> Node:
        """The node that leads, or will within so many seconds."""

        def found() -> Node | None:
            return next((n for n in self.nodes if n is not but and n.leads()), None)

        return _wait(found, seconds, "no node leads")

    def wait_until_whole(self, *, synchronous: bool, seconds: float = 120) -> Node:
        """Wait until two nodes follow the third, which is returned."""
        roles = {"quorum_standby", "sync_standby"} if synchronous else {"replica"}

        def whole() -> Node | None:
            leader = next((n for n in self.nodes if n.leads()), None)
            members = leader.members() if leader else []
            followers = [m for m in members if m.get("role") != "leader"]
            streaming = all(
                m.get("state") == "streaming" and m.get("role") in roles for m in followers
            )
            alone = len({m.get("timeline") for m in members}) == 1
            return leader if len(members) == len(self.nodes) and streaming and alone else None

        return _wait(whole, seconds, "the nodes do not find together")


@contextlib.contextmanager
def three_nodes(origin: Cluster) -> Iterator[Nodes]:
    """Three nodes in the folder of `origin`, which is stopped. The first begins with its data."""
    origin.stop()
    environment = origin.base / "patroni"
    # The user of the server may not be allowed into our folders.
    python = "/usr/bin/python3" if os.geteuid() == 0 else sys.executable
    install("failover", environment, python)
    with _etcd(origin.base) as etcd:
        nodes = Nodes(origin.base, environment / "bin/python", etcd)
        first, *others = nodes.nodes
        server_command(Path("/bin/cp"), "-a", str(origin.data), str(first.data))
        try:
            first.start()
            nodes.leader()
            for node in others:
                node.start()
            nodes.wait_until_whole(synchronous=True, seconds=300)
            yield nodes
        finally:
            for node in reversed(nodes.nodes):
                node.stop()
                for cable in node.cables.values():
                    cable.close()


@contextlib.contextmanager
def _etcd(base: Path) -> Iterator[int]:
    """A running etcd; its port."""
    run(("sh", "scripts/setup.sh", "etcd"), os.environ)
    clients, peers = _free_port(), _free_port()
    client, peer = f"http://127.0.0.1:{clients}", f"http://127.0.0.1:{peers}"
    with (base / "etcd.log").open("wb") as log:
        process = subprocess.Popen(
            (
                *("etcd", "--data-dir", str(base / "etcd")),
                *("--listen-client-urls", client, "--advertise-client-urls", client),
                *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
                *("--initial-cluster", f"default={peer}"),
            ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,  # out of reach of Ctrl-C: it stops after the nodes
        )
    try:

        def healthy() -> bool:
            with contextlib.suppress(requests.RequestException):
                return requests.get(client + "/health", timeout=2).ok
            return False

        _wait(healthy, 60, "etcd does not start")
        yield clients
    finally:
        process.terminate()
        process.wait(30)


def _wait(look: Callable[[], Found | None], seconds: float, otherwise: str) -> Found:
    """The first result of `look` that counts as true. Raises CommandError."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise CommandError(f"{otherwise} ({seconds:.0f} s)")
        time.sleep(0.1)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
