"""scripts/healthcheck.py, by which the images say how a container is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scripts.system import CHECKOUT
from tests.support.server import Server, serve

LONG_AGO = 1_000_000_000


def check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script as HEALTHCHECK does."""
    return subprocess.run(
        (sys.executable, "-S", "scripts/healthcheck.py", *arguments),
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_api_that_serves_requests_is_healthy(server: Server) -> None:
    port = str(urlsplit(server.url).port)
    assert check(PORT=port).returncode == check("live", PORT=port).returncode == 0


def test_api_without_a_database_is_alive_and_not_healthy(tmp_path: Path) -> None:
    nowhere = f"postgresql://telemed_api@/telemed?host={tmp_path}"
    with serve(nowhere, tmp_path / "log", WEB_CONCURRENCY="1") as lonely:
        port = str(urlsplit(lonely.url).port)
        assert check("live", PORT=port).returncode == 0
        ready = check(PORT=port)
    assert (ready.returncode, ready.stderr) == (1, "healthcheck: the API answers 503\n")


def test_api_that_does_not_listen_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    for arguments in ((), ("live",)):
        checked = check(*arguments, PORT=port)
        assert checked.returncode == 1
        assert "the API does not answer" in checked.stderr


@pytest.mark.parametrize(
    ("beat", "answer", "is_alive", "is_healthy"),
    [
        (0, 0, True, True),
        (0, LONG_AGO, True, False),
        (LONG_AGO, LONG_AGO, False, False),
    ],
)
def test_worker_is_as_healthy_as_its_heartbeat(
    tmp_path: Path, beat: int, answer: int, is_alive: bool, is_healthy: bool
) -> None:
    file = tmp_path / "heartbeat"
    file.write_text(str(answer or round(time.time())))
    if beat:
        os.utime(file, (beat, beat))
    checked = [check(*given, WORKER_HEARTBEAT_FILE=str(file)) for given in (("live",), ())]
    assert [c.returncode == 0 for c in checked] == [is_alive, is_healthy]


def test_worker_that_never_had_an_answer_is_not_healthy(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    file.touch()
    assert check("live", WORKER_HEARTBEAT_FILE=str(file)).returncode == 0
    assert check(WORKER_HEARTBEAT_FILE=str(file)).returncode == 1
