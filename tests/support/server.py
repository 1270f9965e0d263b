"""The API as it runs in production: gunicorn, on a free port of this computer."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from api import totp
from scripts.cluster import THROWAWAY_CONTEXT_KEY
from scripts.system import CHECKOUT

MFA_KEY = "9Rnaf0zyJT3VtO7kzO9CzEBwXU5aFhSXcTCZuCwVBUg="
SECRET = "b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef"
VIDEO_SECRET = "c600c386110ed3739fff5e6c41e38311191cfefc2d6de0f545ae357b329d8332"
JITSI = {
    "VIDEO_PROVIDER": "jitsi",
    "JITSI_URL": "https://meet.clinic.test:8443",
    "JITSI_APP_ID": "telemedicine",
    "JITSI_SECRET": VIDEO_SECRET,
}
LISTENING = re.compile(r"Listening at: (http://127\.0\.0\.1:\d+)")


def new_secrets() -> dict[str, str]:
    """Secrets for a start in production, which refuses the secrets of this repository."""
    return {
        "SECRET_KEY": secrets.token_hex(32),
        "CONTEXT_KEY": secrets.token_hex(32),
        "MFA_KEYS": totp.new_key(),
        "LIVEKIT_API_SECRET": secrets.token_hex(32),
    }


class Server:
    """A running server: its address, its process and its log."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url = url
        self.process = process
        self.log = log

    @property
    def output(self) -> str:
        return self.log.read_text()


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """Settings of a test, without those of the developer's shell or .env."""
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return inherited | {
        "APP_ENV": "test",
        "DATABASE_URL": database_url,
        "SECRET_KEY": SECRET,
        "CONTEXT_KEY": THROWAWAY_CONTEXT_KEY,
        "MFA_KEYS": MFA_KEY,
        "VIDEO_PROVIDER": "livekit",
        "LIVEKIT_URL": "wss://video.clinic.test",
        "LIVEKIT_API_KEY": "clinic",
        "LIVEKIT_API_SECRET": VIDEO_SECRET,
        "BCRYPT_COST": "4",
        # All clients of a test share one address, and one of a drill sends as much as hundreds.
        "RATE_LIMIT": "100000 per minute",
        "RATE_LIMIT_AUTH": "100000 per minute",
        "ENV_FILE": os.devnull,
        **settings,
    }


def run_command(
    *command: str, text: str = "", url: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m api` with the settings of a test."""
    return subprocess.run(
        (sys.executable, "-m", "api", *command),
        cwd=CHECKOUT,
        env=environment(url, **more),
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def serve(database_url: str, log: Path, *, app: str = "", **settings: str) -> Iterator[Server]:
    """Start a server and stop it again. It need not be ready: see wait_for.

    app: another WSGI application than the API's own.
    """
    command = (sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", *filter(None, [app]))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=environment(database_url, **settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Server(_address(process, log), process, log)
        wait_for(server.url + "/health", 200)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, status: int, host: str = "") -> None:
    """Wait up to a minute until `url` answers with `status`. host: of the clinic of a fleet."""
    headers = {"Host": host} if host else None
    deadline = time.monotonic() + 60
    found: object = None
    while time.monotonic() < deadline:
        try:
            found = requests.get(url, headers=headers, timeout=30).status_code
        except requests.ConnectionError as error:
            found = error
        if found == status:
            return
        time.sleep(0.05)
    raise AssertionError(f"{url} answered {found}, not {status}")


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if found := LISTENING.search(log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
