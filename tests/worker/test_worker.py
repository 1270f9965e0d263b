"""An instance of the worker: what it does with jobs, and how it starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from api import config
from scripts.server import Cluster
from scripts.system import CommandError
from scripts.verify_audit import read_seals
from tests.support.exposition import scrape
from tests.support.orders import EFFECTS
from tests.support.worker import worker
from worker import metrics
from worker.service import Service

DONE = "select count(*) from drill.effects"


@pytest.fixture
def queue(cluster: Cluster, new_database: Callable[[], str]) -> str:
    """A database with the task of the drill."""
    database = new_database()
    cluster.sql(EFFECTS.read_text(), database)
    return database


def order(
    cluster: Cluster, database: str, number: int, *, seconds: float = 0, failures: int = 0
) -> None:
    arguments = json.dumps({"order_id": number, "seconds": seconds, "failures": failures})
    cluster.sql(
        f"insert into drill.orders (id, line) values ({number}, 0);"
        f" select app.enqueue_job('drill', '{arguments}')",
        database,
    )


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_job_is_run_logged_counted_and_deleted(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    order(cluster, queue, 1)
    with worker(cluster, queue, tmp_path, WORKER_METRICS_PORT=port) as instance:
        eventually(lambda: cluster.sql(DONE, queue) == "1")
        eventually(lambda: instance.lines("job"))
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
        assert instance.stop() == 0
    (line,) = [line for line in instance.lines("job") if line["task"] == "drill"]
    assert (line["outcome"], line["attempt"]) == ("succeeded", 1)
    assert 'worker_jobs_total{outcome="succeeded",task="drill"} 1.0' in text
    assert "queue_lag_seconds" in text
    assert (
        cluster.sql("select count(*) from ops.queue_figures() where task = 'drill'", queue) == "0"
    )


def test_metrics_show_the_state_of_queue_and_database(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    cluster.sql(
        """
        alter table app.events disable trigger events_are_append_only;
        select ops.record_backup('pg_dump');
        select app.enqueue_job('check_invariants', '{"timestamp": 1767607200}');
        select app.enqueue_job('drill', '{}', p_at => now() + interval '1 day');
        -- Its event says when it failed: work.delete_ended_jobs deletes older ones.
        with job as (
            insert into procrastinate.procrastinate_jobs (queue_name, task_name, status, args)
            values ('default', 'unknown', 'failed', '{}') returning id)
        insert into procrastinate.procrastinate_events (job_id, type) select id, 'failed' from job;
        select app.enqueue_job('purge', '{"timestamp": 1767607200}');
        """,
        queue,
    )
    # A slot belongs to the server, and each process of the tests has its own.
    cluster.sql("select pg_create_physical_replication_slot('gone', true)")
    token = secrets.token_hex(32)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    more = {"WORKER_METRICS_PORT": str(port), "METRICS_TOKEN": token, "WORKER_CONCURRENCY": "2"}
    broken = {"invariant": "every_trigger_and_constraint_is_in_force"}
    try:
        with worker(cluster, queue, tmp_path, **more) as instance:
            eventually(lambda: instance.lines("invariant_violated"))
            eventually(lambda: scrape(address, token).value("invariant_violations", **broken))
            dead = {"task": "unknown", "state": "dead"}
            eventually(lambda: scrape(address, token).value("queue_jobs", **dead))
            found = scrape(address, token)
            assert requests.get(f"{address}/metrics", timeout=30).status_code == 401
            assert instance.stop() == 0
    finally:
        cluster.sql("select pg_drop_replication_slot('gone')")
    assert found.value("invariants_checked_timestamp_seconds", scope="hour") > time.time() - 600
    assert found.value("backup_age_seconds", method="pg_dump") > 0
    assert found.value("figures_timestamp_seconds") > time.time() - 600
    assert found.value("queue_jobs", task="unknown", state="dead") == 1
    assert found.value("queue_jobs", task="drill", state="later") == 1
    assert found.value("replication_slot_lag_bytes", slot="gone") > 0
    assert ("replication_slot_active", {"slot": "gone"}, 0) in found.samples
    assert found.value("worker_concurrency") == 2
    for name in ("database_size_bytes", "database_connections", "database_connections_limit"):
        assert found.value(name) > 0, name
    assert {*metrics.DATABASE, *metrics.ABOUT, "worker_jobs_running"} <= found.names


def test_heartbeat_file_says_whether_the_worker_is_alive_and_the_database_answers(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    file = tmp_path / "heartbeat"
    with worker(cluster, queue, tmp_path, WORKER_HEARTBEAT_FILE=str(file)) as instance:
        eventually(lambda: file.exists() and file.read_text())
        cluster.sql(f'alter database "{queue}" allow_connections false')
        cluster.sql(
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{queue}'"
        )
        # The process goes on, without an answer.
        eventually(lambda: instance.lines("worker_failed") or instance.lines("watch_failed"))
        answered = file.read_text()
        beaten = file.stat().st_mtime_ns
        eventually(lambda: file.stat().st_mtime_ns > beaten)
        assert file.read_text() == answered
        cluster.sql(f'alter database "{queue}" allow_connections true')
        eventually(lambda: file.read_text() > answered)


def test_failing_job_is_tried_again_and_its_error_is_not_quoted(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    order(cluster, queue, 1, failures=2)
    with worker(cluster, queue, tmp_path) as instance:
        eventually(lambda: cluster.sql(DONE, queue) == "1")
        instance.stop()
    lines = [line for line in instance.lines("job") if line["task"] == "drill"]
    assert [line["outcome"] for line in lines] == ["again", "again", "succeeded"]
    assert [line["attempt"] for line in lines] == [1, 2, 3]
    assert lines[0]["error"] == "RefusedError"
    assert "secret-of-the-error" not in instance.log.read_text()


def test_job_of_a_newer_release_waits_for_a_worker_that_knows_its_task(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    order(cluster, queue, 1)
    tried = "select count(*) from procrastinate.procrastinate_jobs where attempts > 0"
    with worker(cluster, queue, tmp_path, "worker"):  # which has no task `drill`
        eventually(lambda: cluster.sql(f"{tried} and task_name = 'drill'", queue) == "1")
    assert cluster.sql("select count(*) from ops.dead_jobs()", queue) == "0"
    with worker(cluster, queue, tmp_path):
        eventually(lambda: cluster.sql(DONE, queue) == "1")


def test_job_without_a_task_is_dead_after_its_attempts_and_a_dba_repeats_it(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    cluster.sql(
        "select app.enqueue_job('unknown', '{}');"
        " update procrastinate.procrastinate_jobs set attempts = 11 where task_name = 'unknown'",
        queue,
    )
    dead = "select count(*) from ops.dead_jobs() where task = 'unknown'"
    with worker(cluster, queue, tmp_path):
        eventually(lambda: cluster.sql(dead, queue) == "1")
    assert cluster.sql("select ops.retry_dead_jobs('unknown')", queue) == "1"
    assert cluster.sql(dead, queue) == "0"


def test_sigterm_lets_running_jobs_end_and_unregisters_the_worker(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    order(cluster, queue, 1, seconds=2)
    with worker(cluster, queue, tmp_path) as instance:
        eventually(lambda: cluster.sql("select count(*) from drill.runs", queue) == "1")
        assert instance.stop() == 0
    assert cluster.sql(DONE, queue) == "1"
    assert cluster.sql("select count(*) from procrastinate.procrastinate_workers", queue) == "0"
    assert instance.lines("worker_stopped")


def test_sigkilled_worker_with_a_successor_leaves_nothing_stuck(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    order(cluster, queue, 1, seconds=3600)
    with worker(cluster, queue, tmp_path) as instance:
        eventually(lambda: cluster.sql("select count(*) from drill.runs", queue) == "1")
        instance.process.send_signal(signal.SIGKILL)
        instance.process.wait()
    with worker(cluster, queue, tmp_path) as successor:
        eventually(lambda: cluster.sql("select count(*) from drill.runs", queue) == "2")
        (line,) = (line for line in successor.lines("job_returned") if line["task"] == "drill")
        assert (line["why"], line["task"], line["status"]) == ("stalled", "drill", "todo")


def test_job_that_its_worker_does_not_run_is_returned(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    with worker(cluster, queue, tmp_path) as instance:
        eventually(lambda: instance.lines("worker_started"))
        eventually(
            lambda: (
                cluster.sql("select count(*) from procrastinate.procrastinate_workers", queue)
                == "1"
            )
        )
        order(cluster, queue, 1)
        # As if the answer to the statement that fetched it had been lost.
        cluster.sql(
            "insert into drill.orders values (2, 0);"
            "insert into procrastinate.procrastinate_jobs"
            " (queue_name, task_name, status, args, worker_id) select 'default', 'drill', 'doing',"
            ' \'{"order_id": 2, "seconds": 0, "failures": 0}\', w.id'
            " from procrastinate.procrastinate_workers as w",
            queue,
        )
        eventually(lambda: cluster.sql(DONE, queue) == "2")
        returned = [line for line in instance.lines("job_returned") if line["task"] == "drill"]
        assert [line["why"] for line in returned] == ["lost"]


def test_forgotten_worker_registers_again(cluster: Cluster, queue: str, tmp_path: Path) -> None:
    with worker(cluster, queue, tmp_path) as instance:
        # The line worker_started comes before the registration.
        forget = "delete from procrastinate.procrastinate_workers returning id"
        eventually(lambda: cluster.sql(forget, queue))
        eventually(lambda: len(instance.lines("worker_started")) == 2)
        order(cluster, queue, 1)
        eventually(lambda: cluster.sql(DONE, queue) == "1")
        assert instance.process.poll() is None


def test_worker_survives_the_loss_of_all_connections(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    with worker(cluster, queue, tmp_path) as instance:
        eventually(lambda: instance.lines("worker_started"))
        for number in (1, 2, 3):
            cluster.sql(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                f" where usename = 'telemed_worker' and datname = '{queue}'"
            )
            order(cluster, queue, number)
            eventually(lambda number=number: cluster.sql(DONE, queue) == str(number))
        assert instance.stop() == 0


def test_worker_refuses_tables_of_another_version(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    cluster.sql("select app.adapt_queue('03.02.00_50_post_batch_defer_jobs')", queue)
    with worker(cluster, queue, tmp_path) as instance:
        assert instance.process.wait(60) == 1
    assert "run scripts/deploy.sh" in instance.log.read_text()
    cluster.sql("select app.adapt_queue('99.00.00_01_of_the_future')", queue)
    with worker(cluster, queue, tmp_path) as instance:
        assert instance.process.wait(60) == 1
    assert "install the version of requirements.txt" in instance.log.read_text()


def test_worker_without_its_database_url_does_not_start(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    with worker(cluster, queue, tmp_path, "worker", WORKER_DATABASE_URL="") as instance:
        assert instance.process.wait(60) == 1
    assert instance.log.read_text() == "worker: cannot start: WORKER_DATABASE_URL is missing\n"


def test_each_running_job_has_a_thread(
    cluster: Cluster, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKER_DATABASE_URL", cluster.url(queue, "telemed_worker"))
    monkeypatch.setenv("WORKER_CONCURRENCY", "40")  # more than threads that Python has by itself
    service = Service(config.load(to_serve=False))
    everybody = threading.Barrier(40)

    async def work() -> None:
        await asyncio.gather(*(asyncio.to_thread(everybody.wait, 30) for _ in range(40)))
        service.stop()

    monkeypatch.setattr(service, "_work", work)
    asyncio.run(service.run())
    assert not everybody.broken


def test_schedule_seals_the_audit_log_and_copies_the_seals(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    copies = tmp_path / "seals"
    path = copies / "audit-seals.jsonl"

    def seal() -> None:
        cluster.sql(
            "update app.clinic_settings set completion_lead = completion_lead + '1 second';"
            " select app.enqueue_job('seal_audit', '{\"timestamp\": 0}')",
            queue,
        )

    with worker(cluster, queue, tmp_path, "worker", AUDIT_SEALS_FOLDER=str(copies)) as instance:
        seal()
        eventually(path.exists)
        first = read_seals(path)
        # As if it had been killed while it wrote.
        with path.open("a") as file:
            file.write('{"id": 99')
        seal()

        def grew() -> bool:
            with contextlib.suppress(CommandError):
                return len(read_seals(path)) > len(first)
            return False

        eventually(grew)
        assert instance.stop() == 0
    seals = read_seals(path)
    assert seals[: len(first)] == first
    assert [s["id"] for s in seals] == list(range(1, len(seals) + 1))
    known = cluster.sql("select count(*) from ops.audit_seals", queue)
    assert str(len(seals)) == known
    hashes = cluster.sql("select string_agg(hash, ' ' order by id) from ops.audit_seals", queue)
    assert [s["hash"] for s in seals] == hashes.split()


def test_violated_invariant_is_an_error_in_the_log(
    cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    cluster.sql("alter table app.payments disable trigger payments_stay_within_bounds", queue)
    now = int(time.time())
    cluster.sql(f"select app.enqueue_job('check_invariants', '{{\"timestamp\": {now}}}')", queue)
    with worker(cluster, queue, tmp_path, "worker") as instance:
        eventually(lambda: instance.lines("invariant_violated"))
    line = instance.lines("invariant_violated")[0]  # the schedule may have asked, too
    assert line["invariant"] == "every_trigger_and_constraint_is_in_force"
    assert line["level"] == "error"
