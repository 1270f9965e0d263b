"""A running Prometheus, and the queries of the dashboards."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from scripts.system import CHECKOUT

DASHBOARDS = CHECKOUT / "deploy/observability/dashboards"
SCRAPE_SECONDS = 1
# Grafana chooses four scrapes or more.
RATE_INTERVAL = f"{10 * SCRAPE_SECONDS}s"


class Prometheus:
    def __init__(self, url: str) -> None:
        self.url = url

    def values(self, expression: str, seconds: float) -> list[dict[str, Any]]:
        """The series of an expression in the last `seconds`: labels, and pairs of time and text.

        Raises requests.HTTPError if the expression is not valid.
        """
        end = time.time()
        query = {
            "query": expression.replace("$__rate_interval", RATE_INTERVAL),
            "start": end - seconds,
            "end": end,
            "step": max(1.0, seconds / 200),
        }
        answer = requests.get(self.url + "/api/v1/query_range", params=query, timeout=60)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def up(self) -> set[str]:
        """The jobs whose last scrape succeeded."""
        answer = requests.get(self.url + "/api/v1/query", params={"query": "up == 1"}, timeout=60)
        answer.raise_for_status()
        return {series["metric"]["job"] for series in answer.json()["data"]["result"]}


@contextlib.contextmanager
def scraping(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Scrape `targets`, host and port by job."""
    folder.mkdir()
    jobs = [
        {"job_name": job, "static_configs": [{"targets": [target]}]}
        for job, target in targets.items()
    ]
    # JSON is YAML.
    configuration = folder / "prometheus.yml"
    every = {"scrape_interval": f"{SCRAPE_SECONDS}s"}
    configuration.write_text(json.dumps({"global": every, "scrape_configs": jobs}))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = (
        *("prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address={address}", "--log.level=warn"),
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        prometheus = Prometheus(f"http://{address}")
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(requests.RequestException):
                if prometheus.up() == set(targets):
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.2)
        yield prometheus
    finally:
        process.terminate()
        process.wait(30)


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each panel, with the title of its dashboard."""
    for path in sorted(DASHBOARDS.glob("*.json")):
        dashboard = json.loads(path.read_text())
        for panel in dashboard["panels"]:
            yield dashboard["title"], panel


def legend(pattern: str, labels: Mapping[str, str]) -> str:
    """The name of a series, as Grafana makes it: {{label}} stands for the value of the label."""
    for name, value in labels.items():
        pattern = pattern.replace("{{" + name + "}}", value)
    return pattern


def drawn(prometheus: Prometheus, seconds: float) -> list[dict[str, Any]]:
    """What every panel shows of the last `seconds`."""
    return [
        {
            "dashboard": dashboard,
            "title": panel["title"],
            "unit": panel["fieldConfig"]["defaults"]["unit"],
            "series": [
                {
                    "name": legend(target["legendFormat"], series["metric"]),
                    "values": [[at, float(value)] for at, value in series["values"]],
                }
                for target in panel["targets"]
                for series in prometheus.values(target["expr"], seconds)
            ],
        }
        for dashboard, panel in panels()
    ]
