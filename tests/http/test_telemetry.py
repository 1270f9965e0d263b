"""Spans for a collector of OpenTelemetry, and a collector that is away, refuses or stalls."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from api import db, spans, telemetry
from scripts.server import Cluster
from scripts.system import CHECKOUT
from tests.support.client import Client, new_key, ok, problem
from tests.support.collector import Collector, attributes, collecting
from tests.support.exposition import scrape
from tests.support.server import Server, environment, serve, wait_for

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ROUTE = "GET /v1/doctors/<uuid:doctor_id>"
NOWHERE = "00000000-0000-4000-8000-000000000000"
# Sent after a fifth of a second, or at a batch of 8.
PROMPT = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8"}


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def line_of(server: Server, request_id: str) -> dict[str, Any]:
    lines = (json.loads(line) for line in server.output.splitlines())
    return next(line for line in lines if line.get("request_id") == request_id)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def traced(
    cluster: Cluster, database: str, tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[Server]:
    """A server that sends its spans to the collector."""
    log = tmp_path_factory.mktemp("traced") / "log"
    settings = {"WEB_CONCURRENCY": "2", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, **PROMPT}
    with serve(cluster.url(database, "telemed_api"), log, **settings) as server:
        wait_for(server.url + "/health/ready", 200)
        yield server


def at(server: Server, client: Client) -> Client:
    """The same person at another server on the same database."""
    return Client(server.url, client.contract, client.token, client.id, client.email, client.tokens)


def test_request_and_its_statement_are_spans_of_one_trace(
    traced: Server, collector: Collector, patient: Client, doctor: Client
) -> None:
    path = f"/v1/doctors/{doctor.id}"
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": new_key()}
    answer = at(traced, patient).send("GET", path, headers=headers)
    version, trace_id, span_id, flags = answer.headers["traceresponse"].split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "01")

    def found() -> list[Any]:
        return [span for span in collector.spans if span.trace_id.hex() == TRACE]

    eventually(lambda: len(found()) == 2)
    below, above = sorted(found(), key=lambda span: span.name == ROUTE)
    assert (above.name, above.parent_span_id.hex()) == (ROUTE, PARENT)
    assert above.span_id.hex() == span_id == line_of(traced, headers["X-Request-Id"])["span_id"]
    assert attributes(above) == {
        "http.request.method": "GET",
        "http.route": "/v1/doctors/<uuid:doctor_id>",
        "http.response.status_code": 200,
    }
    assert (below.name, below.parent_span_id) == ("get_doctor", above.span_id)
    assert above.start_time_unix_nano <= below.start_time_unix_nano
    assert below.end_time_unix_nano <= above.end_time_unix_nano
    assert collector.services == {"telemedicine-api"}
    eventually(lambda: scrape(traced.url).value("trace_spans_total", outcome="exported") >= 2)


def test_statement_of_a_change_is_named_for_the_function_that_changes() -> None:
    statement = db._confirmed(db._row("withdraw_slot", ("slot_id",)))
    assert telemetry._function(statement) == "withdraw_slot"
    assert telemetry._function(db.CONFIRMATION) == "confirm_answer"


def test_request_without_a_trace_begins_one_that_the_problem_names(
    traced: Server, collector: Collector, patient: Client
) -> None:
    answer = at(traced, patient).get(f"/v1/doctors/{NOWHERE}")
    refusal = problem(answer, 404)
    # A request without a name of its own has that of its trace.
    assert refusal["trace_id"] == refusal["request_id"] == answer.headers["X-Request-Id"]
    eventually(
        lambda: any(span.trace_id.hex() == refusal["trace_id"] for span in collector.named(ROUTE))
    )
    (span,) = (s for s in collector.named(ROUTE) if s.trace_id.hex() == refusal["trace_id"])
    assert attributes(span)["error.type"] == refusal["code"]
    assert span.parent_span_id == b""
    assert "parent_id" not in line_of(traced, refusal["request_id"])


def test_trace_that_is_not_sampled_is_not_sent(
    traced: Server, collector: Collector, patient: Client
) -> None:
    hidden, shown = "1" * 32, "2" * 32
    for trace_id, flags in ((hidden, "00"), (shown, "01")):
        headers = {"traceparent": f"00-{trace_id}-{PARENT}-{flags}"}
        answer = at(traced, patient).send("GET", "/v1/me", headers=headers)
        assert answer.headers["traceresponse"].endswith(f"-{flags}")
        assert line_of(traced, trace_id)["trace_id"] == trace_id
    eventually(lambda: any(span.trace_id.hex() == shown for span in collector.spans))
    assert not [span for span in collector.spans if span.trace_id.hex() == hidden]


def test_no_span_has_data_of_a_request(
    traced: Server, collector: Collector, patient: Client, doctor: Client
) -> None:
    secret = "secret-of-a-patient"
    body = {"slot_id": doctor.publish()["id"], "reason": secret}
    ok(at(traced, patient).post(f"/v1/consultations?x={secret}", body, key=secret), 422)
    booked = at(traced, patient).post("/v1/consultations", body, key=secret)
    name = ok(booked, 201)["id"]
    eventually(lambda: len(collector.named("POST /v1/consultations")) >= 2)
    sent = "".join(str(span) for span in collector.spans)
    for text in (secret, name, patient.id, patient.email, body["slot_id"]):
        assert text not in sent


def test_dba_sees_the_trace_of_a_running_statement(
    cluster: Cluster, database: str, server: Server, patient: Client
) -> None:
    trace_id = new_key().replace("-", "")
    headers = {"traceparent": f"00-{trace_id}-{PARENT}-01"}
    running = f"""
        select count(*) from pg_stat_activity
         where application_name = 'telemedicine-api {trace_id}' and state = 'active'
    """
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(cluster.url(database)) as connection:
            connection.execute("lock table app.doctors in access exclusive mode")
            answer = pool.submit(patient.send, "GET", "/v1/doctors", headers=headers)
            # Its lock_timeout ends the statement; the lock is there for longer.
            deadline = time.monotonic() + 60
            while cluster.sql(running) == "0":
                assert not answer.done() and time.monotonic() < deadline
                time.sleep(0.01)
        assert answer.result().status_code in (200, 503)
    names = f"""
        select distinct application_name from pg_stat_activity
         where datname = '{database}' and usename = 'telemed_api'
    """
    assert cluster.sql(names) == "telemedicine-api"


@pytest.fixture(params=["closed", "stalling", "refusing"])
def unwilling(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a collector that takes no span."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, collecting() as refusing:
        refusing.refuses = True
        port = refusing.port if request.param == "refusing" else listener.getsockname()[1]
        if request.param == "closed":
            listener.close()
        yield f"http://127.0.0.1:{port}"


def test_unwilling_collector_costs_no_request_and_spans_are_counted(
    cluster: Cluster, database: str, tmp_path: Path, unwilling: str, patient: Client
) -> None:
    settings = {
        "WEB_CONCURRENCY": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": unwilling,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        **PROMPT,
    }
    url = cluster.url(database, "telemed_api")
    with serve(url, tmp_path / "log", **settings) as server:
        wait_for(server.url + "/health/ready", 200)
        client = at(server, patient)
        for _ in range(20):
            assert client.get("/v1/me").status_code == 200
        eventually(lambda: scrape(server.url).value("trace_spans_total", outcome="failed") >= 16)
        assert scrape(server.url).value("trace_spans_total", outcome="exported") == 0
    lines = [json.loads(line) for line in server.output.splitlines()]
    # One line, however many batches fail.
    assert [line["exported"] for line in lines if line["event"] == "traces"] == [False]
    assert not [line for line in lines if line["level"] == "error"]


class Stalled(SpanExporter):
    """Takes batches, and keeps the thread until it is told to go on."""

    def __init__(self) -> None:
        self.got = 0
        self.is_free = False

    def export(self, batch: Any) -> SpanExportResult:
        self.got += len(batch)
        while not self.is_free:
            time.sleep(0.01)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass


def test_full_queue_drops_spans_and_takes_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"dropped": 0, "exported": 0, "failed": 0}

    def count(outcome: str, number: int) -> None:
        counts[outcome] += number

    monkeypatch.setattr(spans.span_counts, "count", count)
    exporter = Stalled()
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    queue = spans.SpanQueue(exporter, size=10)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(queue)
    tracer = provider.get_tracer("test")

    def make(number: int) -> list[ReadableSpan]:
        made = [tracer.start_span("one") for _ in range(number)]
        for span in made:
            span.end()
        return []

    make(25)
    assert counts["dropped"] == 15
    exporter.is_free = True
    eventually(lambda: queue.force_flush() and counts["exported"] == 10)
    make(3)
    eventually(lambda: queue.force_flush() and counts["exported"] == 13)
    assert counts == {"dropped": 15, "exported": 13, "failed": 0}
    provider.shutdown()


def test_server_without_the_packages_serves_and_says_so(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["opentelemetry.sdk"] = None
from api import logs, telemetry
logs.configure("INFO")
telemetry.start()
print(telemetry.is_on())
"""
    result = subprocess.run(
        (sys.executable, "-c", program),
        cwd=CHECKOUT,
        env=environment("postgresql://nowhere", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    line, is_on = result.stdout.splitlines()
    assert is_on == "False"
    assert json.loads(line)["missing"].startswith("opentelemetry")


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_standard_variables_switch_spans_on(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: bool
) -> None:
    from api import telemetry

    for name in (*telemetry.ENDPOINTS, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert telemetry.is_wanted() is wanted
