"""Takes the picture of the dashboards: a clinic at work under Prometheus."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drills.clients import Board, Client
from drills.history import History
from drills.load_tools import python_with
from drills.observability import prometheus
from drills.stage import DATABASE, Stage
from scripts.system import CHECKOUT, run
from tests.support.server import environment

CLIENTS = 6
DRAW = Path(__file__).with_name("draw.py")
TOOLS = CHECKOUT / "drills/bench/tools/requirements.txt"


def take(clinic: Stage, folder: Path, seconds: float, file: Path) -> None:
    """Write the picture of `seconds` of load."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = environment(
        "",
        WORKER_DATABASE_URL=clinic.cluster.url(DATABASE, "telemed_worker"),
        WORKER_METRICS_PORT=str(port),
        MAIL_FOLDER=str(folder / "mail"),
    )
    with (folder / "worker.log").open("wb") as log:
        command = (sys.executable, "-m", "worker")
        worker = subprocess.Popen(
            command, cwd=CHECKOUT, env=settings, stdout=log, stderr=subprocess.STDOUT
        )
    targets = {"api": clinic.server.url.removeprefix("http://"), "worker": f"127.0.0.1:{port}"}
    try:
        with prometheus.scraping(folder / "prometheus", targets) as running:
            _work(clinic, seconds)
            shown = prometheus.drawn(running, seconds)
    finally:
        worker.terminate()
        worker.wait(60)
    figures = folder / "figures.json"
    figures.write_text(json.dumps(shown))
    run((str(python_with(TOOLS)), str(DRAW), str(figures), str(file)), dict(os.environ))


def _work(clinic: Stage, seconds: float) -> None:
    history, over = History(), threading.Event()
    board = Board(clinic, 6)
    clients = [Client(clinic, board, history, f"picture/{n}") for n in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as threads:
        work = [threads.submit(client.work, over) for client in clients]
        time.sleep(seconds)
        over.set()
        for each in work:
            each.result()
