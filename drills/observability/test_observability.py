"""The short form: Prometheus answers every query of the dashboards about a running clinic."""

from __future__ import annotations

import shutil
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from drills.observability import prometheus
from drills.observability.collectors import KINDS, Result
from scripts.server import Cluster
from tests.support.client import Client, ok
from tests.support.server import Server
from tests.support.worker import worker


def test_prometheus_answers_every_query_of_the_dashboards(
    cluster: Cluster, database: str, server: Server, patient: Client, tmp_path: Path
) -> None:
    if not shutil.which("prometheus"):
        pytest.skip("there is no prometheus: apt-get install prometheus")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    targets = {"api": server.url.removeprefix("http://"), "worker": f"127.0.0.1:{port}"}
    ok(patient.get("/v1/me"))
    with (
        worker(cluster, database, tmp_path, "worker", WORKER_METRICS_PORT=port),
        prometheus.scraping(tmp_path / "prometheus", targets) as running,
    ):
        deadline = time.monotonic() + 60
        # The worker has read the figures of the database.
        while not running.values("figures_timestamp_seconds > 0", 60):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        shown = prometheus.drawn(running, 60)
    titles = {panel["title"] for panel in shown if panel["series"]}
    assert {
        "Size",
        "Seals and events",
        "Sessions of the server",
        "Connections of the API",
    } <= titles
    assert len(shown) == sum(1 for _ in prometheus.panels()) > 30


def test_legend_names_the_values_of_labels() -> None:
    labels = {"method": "GET", "route": "/v1/me"}
    assert prometheus.legend("{{method}} {{route}}", labels) == "GET /v1/me"
    assert prometheus.legend("p95", labels) == "p95"


@pytest.mark.parametrize(
    ("kind", "statuses", "spans", "is_sound"),
    [
        (KINDS[0], {200: 9}, {}, True),
        (KINDS[0], {200: 9}, {"exported": 1}, False),
        (KINDS[1], {200: 9}, {"exported": 9}, True),
        (KINDS[1], {200: 9}, {"failed": 9}, False),
        (KINDS[2], {200: 9}, {"failed": 9}, True),
        (KINDS[2], {200: 9}, {}, False),
        (KINDS[3], {200: 9}, {"dropped": 9}, True),
        (KINDS[3], {200: 8, 503: 1}, {"dropped": 9}, False),
    ],
)
def test_failed_requests_and_uncounted_spans_are_found(
    kind: str, statuses: dict[int, int], spans: dict[str, int], is_sound: bool
) -> None:
    result = Result(kind, statuses=Counter(statuses), spans={k: float(v) for k, v in spans.items()})
    assert (not list(result.faults())) is is_sound
