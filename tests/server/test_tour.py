"""`make tour` with a server, without one, and with a wrong one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from api.password_hashing import hash_password
from scripts import inbox
from scripts.server import Cluster
from scripts.system import CHECKOUT
from scripts.tour import DEMO_PASSWORD
from scripts.tour import PASSWORD as TOUR_PASSWORD
from tests.support.client import PASSWORD, Client, ok
from tests.support.people import create_admin
from tests.support.server import Server, environment, serve


def tour(url: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "scripts.tour"),
        cwd=CHECKOUT,
        env={"BASE_URL": url, "PATH": os.environ["PATH"], **variables},
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


def test_tour_receives_emails_calendar_files_and_webhooks(
    cluster: Cluster, new_database: Callable[[], str], tmp_path: Path
) -> None:
    """With a worker, as `make run` starts one."""
    name = new_database()
    create_admin(cluster.url(name), "admin@example.com")
    password_hash = hash_password(DEMO_PASSWORD, 4)
    cluster.sql(f"update app.users set password_hash = '{password_hash}'", name)
    certificate = tmp_path / "receiver.pem"
    certificate.write_text(inbox.new_certificate())
    settings = {
        "MAIL_FOLDER": str(tmp_path / "mail"),
        "WEBHOOK_ALLOWED_HOSTS": inbox.HOST,
        "SSL_CERT_FILE": str(certificate),
        "WORKER_DATABASE_URL": cluster.url(name, "telemed_worker"),
    }
    with (
        serve(cluster.url(name, "telemed_api"), tmp_path / "log", **settings) as server,
        (tmp_path / "worker").open("wb") as log,
    ):
        worker = subprocess.Popen(
            (sys.executable, "-m", "worker"),
            cwd=CHECKOUT,
            env=environment("", **settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for_worker(server.url)
            result = tour(
                server.url,
                MAIL_FOLDER=settings["MAIL_FOLDER"],
                RECEIVER_CERTIFICATE=str(certificate),
            )
        finally:
            worker.terminate()
            worker.wait(60)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr
    arrived = re.findall(r"^  <- (Consultation \w+|[a-z.]+)", result.stdout, re.M)
    mails = [text for text in arrived if " " in text]
    happened = ("booked", "moved", "booked", "cancelled")
    assert mails == [f"Consultation {step}" for step in happened]
    steps = ("booked", "rescheduled", "joined", "joined", "completed")
    assert arrived[4:9] == [f"consultation.{step}" for step in steps]


def wait_for_worker(url: str) -> None:
    """Wait up to a minute until the API sees a worker."""
    deadline = time.monotonic() + 60
    while requests.get(f"{url}/health/ready", timeout=30).json()["worker"] != "running":
        assert time.monotonic() < deadline, "no worker runs"
        time.sleep(0.1)


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
