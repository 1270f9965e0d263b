"""One instance of the worker: it runs jobs, watches over those of dead workers, stops cleanly.

The library's worker ends when its heartbeat fails. `Service` starts it again until a signal stops
it.

The watch puts two kinds of jobs back into the queue that would otherwise stay "doing":
- those of a worker without a heartbeat for a lease, whether it was killed or stopped, and also if
  another one has its name by now: each start registers a new id
- those that this worker holds by the records of the queue and does not run: the answer to the
  statement that fetched or settled them was lost
A job may therefore run twice. It has its effect once, because the row that it settles decides.
"""

import asyncio
import contextlib
import datetime
import random
import signal
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from procrastinate.exceptions import ProcrastinateException
from procrastinate.job_context import JobContext
from procrastinate.worker import Worker

from api.config import Settings
from api.errors import frames
from api.logs import log
from worker import db, heartbeat, metrics, schema, seals, traces
from worker.app import app

POLL_SECONDS = 1.0
FIGURES_SECONDS = 15.0
WATCH_SECONDS = 10.0  # at most; jobs are moved to the queue a minute before their time
GRACE_SECONDS = 20.0  # in which running jobs may end after SIGTERM
LONGEST_PAUSE = 10.0  # seconds between two starts


class Service:
    """An instance of the worker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lease = float(settings.worker_lease_seconds)
        self.running: set[int] = set()  # the jobs that this process runs
        seals.keep_in(settings.audit_seals_folder)
        heartbeat.keep_in(settings.worker_heartbeat_file)
        metrics.CONCURRENCY.set(settings.worker_concurrency)
        metrics.RUNNING.set_function(lambda: len(self.running))
        self._worker: Worker | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Start no other job, let the running ones end, and return from `run`."""
        log.info("worker_stopping", running=len(self.running))
        self._stopping.set()
        if self._worker:
            self._worker.stop()  # type: ignore[no-untyped-call]

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises schema.SchemaError if the tables of the queue do not fit the installed library.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        # Each running job may wait in a thread for another server: no other job waits for that, for
        # example with the lock of work.hold_message.
        threads = self.settings.worker_concurrency + db.MORE_CONNECTIONS
        loop.set_default_executor(ThreadPoolExecutor(threads))
        app.perform_import_paths()  # type: ignore[no-untyped-call]
        pool = db.new_pool(self.settings.worker_database_url, self.settings.worker_concurrency)
        await pool.open()
        failures = 0
        try:
            await app.open_async(pool)
            while not self._stopping.is_set():
                began = time.monotonic()
                try:
                    await self._work()
                except (psycopg.Error, ProcrastinateException) as error:
                    log.error("worker_failed", **described(error))
                    heartbeat.beat(answered=False)
                # The database was away, or this instance was stopped for longer than its lease.
                failures = 0 if time.monotonic() - began > LONGEST_PAUSE else failures + 1
                longest = min(LONGEST_PAUSE, 0.5 * 2.0**failures)
                with contextlib.suppress(TimeoutError):
                    pause = random.uniform(longest / 2, longest)  # noqa: S311
                    await asyncio.wait_for(self._stopping.wait(), pause)
        finally:
            await pool.close()
        log.info("worker_stopped")

    async def _work(self) -> None:
        """Run jobs until `stop`, or until the connection or the registration is lost."""
        (row,) = await db.call("queue_migration")
        schema.require_current(row["queue_migration"])
        if self._stopping.is_set():
            return
        self._worker = worker = Worker(
            app,
            concurrency=self.settings.worker_concurrency,
            fetch_job_polling_interval=POLL_SECONDS,
            listen_notify=False,  # docs/decisions/0022
            delete_jobs="successful",
            install_signal_handlers=False,
            update_heartbeat_interval=self.lease / 3,
            stalled_worker_timeout=self.lease,
            shutdown_graceful_timeout=GRACE_SECONDS,
            worker_middleware=[self._observe],
        )
        watch = asyncio.create_task(self._watch(worker))
        log.info("worker_started", lease_seconds=self.lease)
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _observe(
        self, call_next: Callable[[], Awaitable[Any]], context: JobContext, _worker: Worker
    ) -> Any:
        """Run a job; write one line, count, and make a span."""
        job = context.job
        began = time.perf_counter()
        outcome, more, traced = "succeeded", {}, None
        self.running.add(job.id or 0)
        try:
            traced = await traces.begin(job)
            return await call_next()
        except BaseException as error:
            more = described(error)
            task = app.tasks.get(job.task_name)
            again = task.get_retry_exception(exception=error, job=job) if task else None
            outcome = "again" if again else "dead"
            raise
        finally:
            self.running.discard(job.id or 0)
            if traced:
                traces.end(traced, job, outcome, more)
            seconds = time.perf_counter() - began
            metrics.JOBS.labels(job.task_name, outcome).inc()
            metrics.DURATION.labels(job.task_name).observe(seconds)
            write = {"succeeded": log.info, "again": log.warning, "dead": log.error}[outcome]
            write(
                "job",
                task=job.task_name,
                job_id=job.id,
                attempt=job.attempts + 1,
                outcome=outcome,
                duration_ms=round(seconds * 1000, 1),
                **more,
            )

    async def _watch(self, worker: Worker) -> None:
        suspects: set[int] = set()
        figures_at = 0.0
        while True:
            try:
                if time.monotonic() >= figures_at:
                    metrics.show_queue(await db.call("queue_figures"))
                    metrics.show_database(await db.call("database_figures"))
                    figures_at = time.monotonic() + FIGURES_SECONDS
                while (await db.call("enqueue_due_jobs"))[0]["enqueue_due_jobs"]:
                    pass
                suspects = await self._look(worker, suspects)
                heartbeat.beat(answered=True)
            except psycopg.Error as error:
                log.warning("watch_failed", **described(error))
                heartbeat.beat(answered=False)
            await asyncio.sleep(min(self.lease / 4, WATCH_SECONDS))

    async def _look(self, worker: Worker, suspects: set[int]) -> set[int]:
        """Put stalled and lost jobs back.

        suspects: jobs that were not running at the last look. One that was just fetched, or is
        just being settled, is a suspect for a moment; a lost job stays one.
        """
        lease = datetime.timedelta(seconds=self.lease)
        _note_returned("stalled", await db.call("retry_stalled_jobs", lease=lease))
        if worker.worker_id is None:
            return set()
        (row,) = await db.call("jobs_of_worker", worker_id=worker.worker_id)
        if row["jobs_of_worker"] is None:
            # Another instance has given this one up. The loop of `run` registers it again.
            log.warning("worker_forgotten", worker_id=worker.worker_id)
            worker.stop()  # type: ignore[no-untyped-call]
            return set()
        idle = set(row["jobs_of_worker"]) - self.running
        lost = sorted(idle & suspects)
        if lost:
            _note_returned(
                "lost",
                await db.call("return_lost_jobs", worker_id=worker.worker_id, job_ids=lost),
            )
        return idle - set(lost)


def described(error: BaseException) -> dict[str, Any]:
    """What the log says about an error. Not its message, which may quote data of patients."""
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
    return {
        "error": type(cause).__name__,
        "sqlstate": getattr(cause, "sqlstate", None),
        "at": frames(error.__traceback__),
    }


def _note_returned(why: str, rows: list[db.Row]) -> None:
    for row in rows:
        metrics.RETURNED.labels(row["task"]).inc()
        log.warning(
            "job_returned",
            why=why,
            task=row["task"],
            job_id=row["id"],
            attempts=row["attempts"],
            status=row["status"],
        )
