"""Collectors of traces that take spans, are away or stall; a picture. SECONDS=60 ROUNDS=10

1. ROUNDS turns of servers that differ in their collector only: none, one that takes spans, a
   closed port, one that accepts connections and never answers. Latency, CPU time, and what became
   of the spans.
2. SECONDS of load under Prometheus (Debian package prometheus), then docs/dashboard.png: every
   panel of the dashboards, drawn from their own JSON and by their own queries.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from drills import report
from drills.observability import collectors, picture
from drills.stage import clinic_at_work, durable_cluster
from scripts.cluster import THROWAWAY
from scripts.system import CHECKOUT, CommandError, command_line, say

INTRODUCTION = """
Four servers with two processes each, on one database, are asked for accounts and doctors by turns,
by four clients in a closed loop. They differ in `OTEL_EXPORTER_OTLP_ENDPOINT` only, and make a span
for each request and each statement. p50 and p99: the medians of the rounds. CPU time: of the API,
for each request; the spans are part of it. `make drill NAME=observability` writes this file and
[the picture of the dashboards](../dashboard.png).
"""


def main() -> None:
    seconds = float(os.environ.get("SECONDS") or 60)
    rounds = int(os.environ.get("ROUNDS") or 10)
    if not shutil.which("prometheus"):
        raise CommandError("there is no prometheus: apt-get install prometheus")
    log = report.Log("observability")
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as folder,
        durable_cluster() as cluster,
    ):
        with clinic_at_work(cluster, Path(folder)) as clinic:
            clinic.ready()
            say(f"observability: {rounds} rounds of {len(collectors.KINDS)} servers")
            results = collectors.run(clinic, Path(folder), rounds, collectors.ROUND_SECONDS)
            say(f"observability: {seconds:.0f} seconds under Prometheus")
            picture.take(clinic, Path(folder), seconds, CHECKOUT / "docs/dashboard.png")
        version = cluster.version
    for result in results:
        log.say(result.text())
    faults = [fault for result in results for fault in result.faults()]
    for fault in faults:
        log.say(f"FAULT: {fault}")
    log.write("Observability", " ".join(INTRODUCTION.split()), version)
    if faults:
        raise CommandError("NOT SOUND")


if __name__ == "__main__":
    command_line("observability", main)
