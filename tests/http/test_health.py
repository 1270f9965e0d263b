"""Health checks and metrics, also while the database is lost."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
import requests
from flask import Flask

from api import config, errors, logs, measures, metrics
from api.app import create_app
from scripts.cluster import throwaway_cluster
from scripts.server import Cluster
from tests.support.client import Client, at, ok, race
from tests.support.server import SECRET, Server, environment, new_secrets, serve, wait_for


def test_healthy_server_answers_200(stranger: Client) -> None:
    for path in ("/health", "/health/live"):
        assert ok(stranger.get(path)) == {"status": "ok"}
    assert ok(stranger.get("/health/ready"))["status"] == "ok"


def test_readiness_without_a_worker_says_so_and_passes(
    cluster: Cluster, new_database: Callable[[], str], tmp_path: Path
) -> None:
    database = new_database()
    with serve(
        cluster.url(database, "telemed_api"), tmp_path / "log", WEB_CONCURRENCY="1"
    ) as server:

        def readiness() -> dict[str, str]:
            answer = requests.get(server.url + "/health/ready", timeout=30)
            assert answer.status_code == 200
            return answer.json()

        assert readiness() == {"status": "ok", "worker": "missing", "worker_heartbeat_at": None}
        cluster.sql("insert into procrastinate.procrastinate_workers default values", database)
        found = readiness()
        assert found["worker"] == "running"
        assert found["worker_heartbeat_at"].endswith("Z")
        cluster.sql(
            "update procrastinate.procrastinate_workers set last_heartbeat = '2026-01-05 08:00Z'",
            database,
        )
        deadline = time.monotonic() + 30
        while (found := readiness())["worker"] == "running":
            assert time.monotonic() < deadline, "a heartbeat of January counts as one"
            time.sleep(0.2)
        assert found["worker_heartbeat_at"] == "2026-01-05T08:00:00Z"


def test_metrics_count_requests_of_all_workers_by_route(
    stranger: Client, patient: Client, doctor: Client
) -> None:
    def count() -> float:
        text = stranger.get("/metrics").text
        start = (
            'http_requests_total{method="GET",route="/v1/doctors/<uuid:doctor_id>",status="200"} '
        )
        return sum(
            float(row.removeprefix(start)) for row in text.splitlines() if row.startswith(start)
        )

    before = count()
    race([lambda: ok(patient.get(f"/v1/doctors/{doctor.id}"))] * 8)
    assert count() == before + 8
    text = stranger.get("/metrics").text
    assert "http_request_duration_seconds_bucket" in text
    assert doctor.id not in text


def test_connections_lost_while_idle_are_replaced_before_use(
    cluster: Cluster, database: str, doctor: Client, patient: Client
) -> None:
    kill = f"""
        select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
         where datname = '{database}' and usename = 'telemed_api'
    """
    for day in range(1, 4):
        slot = doctor.publish(at(day))
        assert int(cluster.sql(kill, database)) > 0
        # A booking, too: it is sent once, on a new connection.
        patient.book(slot)
        answers = race([lambda: patient.get("/v1/me")] * 8)
        assert {answer.status_code for answer in answers} == {200}


@pytest.fixture(scope="module")
def separate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Server]]:
    """A server with its own cluster, which tests may stop. The cluster has one function."""
    with throwaway_cluster() as cluster:
        cluster.sql("create role telemed_api login")
        cluster.sql("create schema api; grant usage on schema api to telemed_api")
        cluster.sql(
            """create function api.my_profile() returns json language sql
               as $$ select '{}'::json $$"""
        )
        url = cluster.url("postgres", "telemed_api")
        log = tmp_path_factory.mktemp("separate") / "log"
        settings = {"WEB_CONCURRENCY": "1", "DATABASE_POOL_TIMEOUT_SECONDS": "1"}
        with serve(url, log, **settings) as server:
            wait_for(server.url + "/health/ready", 200)
            yield cluster, server


@pytest.fixture
def headers(stranger: Client, patient: Client) -> dict[str, str]:
    """A token that the separate server accepts, because both servers have the same secret."""
    claims = jwt.decode(patient.token, SECRET, ["HS256"], audience="telemedicine-api")
    assert claims["role"] == "patient"
    return {"Authorization": f"Bearer {patient.token}"}


def test_server_without_its_database_is_alive_but_not_ready_and_recovers(
    separate: tuple[Cluster, Server], headers: dict[str, str]
) -> None:
    cluster, server = separate
    me = server.url + "/v1/me"
    assert requests.get(me, headers=headers, timeout=60).status_code == 200
    try:
        cluster.stop()
        assert requests.get(server.url + "/health/live", timeout=60).status_code == 200
        for url in (server.url + "/health/ready", me):
            answer = requests.get(url, headers=headers, timeout=60)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "1"
            assert answer.json()["title"] == "Service Unavailable"
            assert "socket" not in answer.text
    finally:
        cluster.start()
    wait_for(server.url + "/health/ready", 200)
    assert requests.get(me, headers=headers, timeout=60).status_code == 200


def test_database_restart_never_causes_a_500(
    separate: tuple[Cluster, Server], headers: dict[str, str]
) -> None:
    cluster, server = separate
    cluster.stop()
    cluster.start()
    calls: list[Callable[[], int]] = [
        lambda: requests.get(server.url + "/v1/me", headers=headers, timeout=60).status_code
    ] * 8
    assert set(race(calls)) <= {200, 503}
    assert 500 not in race(calls)
    wait_for(server.url + "/health/ready", 200)
    assert calls[0]() == 200


def test_answer_is_sent_when_the_metrics_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Flask("health")
    app.add_url_rule("/", view_func=lambda: "fine")
    app.add_url_rule("/metrics", "metrics", metrics.exposition)
    for part in (errors, logs, metrics):
        part.register(app)

    def gone(*_labels: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(measures.REQUESTS, "labels", gone)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))
    assert app.test_client().get("/").status_code == 200
    assert app.test_client().get("/metrics").status_code == 503


def metrics_of(settings: config.Settings, authorization: str = "") -> int:
    """The status of GET /metrics of an application without a database."""
    app = create_app(settings)
    headers = {"Authorization": authorization} if authorization else {}
    status: int = app.test_client().get("/metrics", headers=headers).status_code
    return status


def test_metrics_with_a_token_are_for_who_sends_it() -> None:
    token = secrets.token_hex(32)
    settings = config.load(environment("postgresql://nowhere", METRICS_TOKEN=token))
    assert metrics_of(settings, f"Bearer {token}") == 200
    for wrong in ("", "Bearer", f"Bearer {token}x", f"Basic {token}", "Bearer \xe9"):
        assert metrics_of(settings, wrong) == 401, wrong


def test_metrics_without_a_token_do_not_exist_in_production() -> None:
    production = {"APP_ENV": "production", "BCRYPT_COST": "10", **new_secrets()}
    url = f"postgresql://telemed_api:{secrets.token_hex(16)}@nowhere/telemed"
    assert metrics_of(config.load(environment(url, **production))) == 404
    assert metrics_of(config.load(environment(url))) == 200
