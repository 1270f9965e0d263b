"""deploy/haproxy: HAProxy accepts it, and it leads to the node that Patroni says is the leader."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.system import CHECKOUT

CONFIGURATION = CHECKOUT / "deploy/haproxy/haproxy.cfg"


def haproxy() -> str:
    # Debian has it where only root looks.
    found = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.skip("there is no haproxy: apt-get install haproxy")
    return found


def test_haproxy_accepts_the_configuration() -> None:
    result = subprocess.run(
        (haproxy(), "-c", "-f", CONFIGURATION), capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr


class Node:
    """Stands for a node: Patroni's REST API, and a server that says its name."""

    def __init__(self, name: str, stack: ExitStack) -> None:
        node = self
        self.name, self.role = name, "replica"

        class Patroni(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.path.partition("?")[0]
                self.send_response(200 if asked == f"/{node.role}" else 503)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        patroni = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Patroni))
        stack.callback(patroni.shutdown)
        threading.Thread(target=patroni.serve_forever, daemon=True).start()
        self.postgresql = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=self._answer, daemon=True).start()
        self.line = f"127.0.0.1:{self.postgresql.getsockname()[1]} port {patroni.server_port} check"

    def _answer(self) -> None:
        while True:
            try:
                connection, _ = self.postgresql.accept()
            except OSError:
                return
            with connection:
                connection.sendall(self.name.encode())


def reached(port: int) -> str:
    """The node to which a port leads; empty if to none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            return connection.recv(100).decode()
    except OSError:
        return ""


@contextmanager
def running(text: str, folder: Path) -> Iterator[None]:
    path = folder / "haproxy.cfg"
    path.write_text(text)
    process = subprocess.Popen(
        (haproxy(), "-db", "-q", "-f", path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_port_leads_to_the_leader_and_follows_a_failover(tmp_path: Path) -> None:
    haproxy()
    with ExitStack() as stack:
        nodes = {name: Node(name, stack) for name in ("one", "two", "three")}
        ports = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                ports.append(probe.getsockname()[1])
        text = CONFIGURATION.read_text().replace("inter 2s", "inter 100ms")
        text = text.replace(":5000", f"127.0.0.1:{ports[0]}").replace(
            ":5001", f"127.0.0.1:{ports[1]}"
        )
        text = re.sub(
            r"server (\w+) \S+ check", lambda m: f"server {m[1]} {nodes[m[1]].line}", text
        )
        nodes["one"].role = "primary"
        stack.enter_context(running(text, tmp_path))
        for leader in ("one", "two"):
            for node in nodes.values():
                node.role = "primary" if node.name == leader else "replica"
            deadline = time.monotonic() + 60
            replicas = nodes.keys() - {leader}
            while reached(ports[0]) != leader or {reached(ports[1]) for _ in range(8)} != replicas:
                assert time.monotonic() < deadline, "the port does not follow the leader"
                time.sleep(0.05)
