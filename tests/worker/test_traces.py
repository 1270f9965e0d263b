"""Spans of the worker, and a collector that is away."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.server import Cluster
from tests.support.collector import attributes, collecting
from tests.support.exposition import scrape
from tests.support.orders import EFFECTS
from tests.support.worker import worker

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CONSUMER = 5  # SPAN_KIND_CONSUMER of OTLP: a job; its statements have SPAN_KIND_CLIENT
PROMPT = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8"}


@pytest.fixture(scope="module")
def queue(cluster: Cluster, new_database: Callable[[], str]) -> str:
    """A database whose orders keep the application name under which they were settled."""
    database = new_database()
    cluster.sql(EFFECTS.read_text(), database)
    cluster.sql(
        "alter table drill.effects add column application text"
        " default current_setting('application_name')",
        database,
    )
    return database


def order(cluster: Cluster, database: str, number: int, failures: int) -> None:
    arguments = json.dumps({"order_id": number, "seconds": 0, "failures": failures})
    cluster.sql(
        f"insert into drill.orders (id, line) values ({number}, 0);"
        f" select app.enqueue_job('drill', '{arguments}')",
        database,
    )


def event(cluster: Cluster, database: str, request_id: str) -> None:
    cluster.sql(
        f"""
        with written as (
            insert into app.events (type, request_id) values ('slot.opened', '{request_id}')
            returning id)
        select app.enqueue_job('dispatch_event', jsonb_build_object('event_id', w.id))
        from written as w
        """,
        database,
    )


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_attempts_and_their_statements_are_spans_and_continue_the_trace_of_a_request(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    order(cluster, queue, 1, failures=1)
    event(cluster, queue, TRACE)
    event(cluster, queue, "named-by-a-client")
    with collecting() as collector:

        def jobs(name: str) -> list[Any]:
            return [span for span in collector.named(name) if span.kind == CONSUMER]

        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, **PROMPT}
        with worker(cluster, queue, tmp_path, **more) as instance:
            eventually(lambda: len(jobs("drill")) == 2 and len(jobs("dispatch_event")) == 2)
            assert instance.stop() == 0
        assert collector.services == {"telemedicine-worker"}
        failed, done = jobs("drill")
        continued = {span.trace_id.hex(): attributes(span) for span in jobs("dispatch_event")}
        below = {
            span.name: span.trace_id
            for span in collector.spans
            if span.parent_span_id == done.span_id
        }
    (line, *_) = (line for line in instance.lines("job") if line["task"] == "drill")
    more = {"job.task": "drill", "job.id": line["job_id"]}
    assert attributes(failed) == {
        **more,
        "job.attempt": 1,
        "job.outcome": "again",
        "error.type": "RefusedError",
    }
    assert attributes(done) == {**more, "job.attempt": 2, "job.outcome": "succeeded"}
    assert below == {"begin_order": done.trace_id, "settle_order": done.trace_id}
    assert "secret-of-the-error" not in str(failed)
    assert cluster.sql("select application from drill.effects", queue) == (
        f"telemedicine-worker {done.trace_id.hex()}"
    )

    # The trace of the request goes on; one that a client has named is an attribute of a new trace.
    assert continued.pop(TRACE)["request.id"] == TRACE
    ((_, named),) = continued.items()
    assert named["request.id"] == "named-by-a-client"


def test_collector_that_is_away_costs_no_job_and_spans_are_counted(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as probe,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        port, nobody = (str(each.getsockname()[1]) for each in (probe, other))
    more = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{nobody}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "WORKER_METRICS_PORT": port,
        **PROMPT,
    }
    order(cluster, queue, 2, failures=0)
    done = "select count(*) from drill.effects where order_id = 2"
    with worker(cluster, queue, tmp_path, **more) as instance:
        eventually(lambda: cluster.sql(done, queue) == "1")
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: scrape(address).value("trace_spans_total", outcome="failed") >= 3)
        assert scrape(address).value("trace_spans_total", outcome="exported") == 0
        assert instance.stop() == 0
    assert [line["exported"] for line in instance.lines("traces")] == [False]
    (line,) = (line for line in instance.lines("job") if line["task"] == "drill")
    assert line["outcome"] == "succeeded"
