"""`make tour` with a server, without one, and with a wrong one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from api.password_hashing import hash_password
from scripts.server import Cluster
from scripts.system import CHECKOUT
from scripts.tour import DEMO_PASSWORD
from scripts.tour import PASSWORD as TOUR_PASSWORD
from tests.support.client import PASSWORD, Client, ok
from tests.support.people import create_admin
from tests.support.server import Server


def tour(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "scripts.tour"),
        cwd=CHECKOUT,
        env={"BASE_URL": url, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def demo_accounts(cluster: Cluster, database: str, admin: Client) -> None:
    """The two accounts that the tour expects, as `make run` has them.

    No API call accepts their weak password, so SQL sets it.
    """
    doctor = {
        "email": "doctor@example.com",
        "password": PASSWORD,
        "full_name": "Demo Doctor",
        "specialty": "Dermatology",
        "time_zone": "Europe/Berlin",
        "fee_minor": 4500,
        "currency": "EUR",
    }
    ok(admin.post("/v1/admin/doctors", doctor), 201)
    create_admin(cluster.url(database), "admin@example.com")
    cluster.sql(
        f"update app.users set password_hash = '{hash_password(DEMO_PASSWORD, 4)}'"
        " where email in ('admin@example.com', 'doctor@example.com')",
        database,
    )


@pytest.mark.usefixtures("demo_accounts")
def test_tour_succeeds_repeatedly(server: Server) -> None:
    for _ in range(2):
        result = tour(server.url)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr
        assert result.stdout.endswith("tour: everything is as it should be\n")
        for word in ("POST /v1/consultations", "Idempotency-Replayed", "TM901", "audit-logs"):
            assert word in result.stdout
        for secret in (DEMO_PASSWORD, TOUR_PASSWORD, "eyJ"):
            assert secret not in result.stdout


def test_tour_without_a_server_fails_in_one_line() -> None:
    result = tour("http://127.0.0.1:1")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("tour: no server answers at http://127.0.0.1:1")
    assert "make run" in line


class AlwaysOk(BaseHTTPRequestHandler):
    """Answers every request with 200."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def wrong_server() -> Iterator[str]:
    """Another program on the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), AlwaysOk) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_tour_ends_at_the_first_wrong_answer(wrong_server: str) -> None:
    result = tour(wrong_server)
    assert result.returncode == 1
    assert "should have answered 201" in result.stderr
