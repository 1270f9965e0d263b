"""The application of procrastinate: its tasks, how a job is settled, and when it is tried again.

A task is a function of a module of worker/tasks, with the decorator `app.task`. Its name is what
the database enqueues (app.enqueue_job); its arguments are those of the job.
"""

import datetime
import pkgutil
import random

from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import TaskNotFound
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from api.logs import log
from worker import db, tasks

UTC = datetime.UTC


class Backoff(BaseRetryStrategy):
    """Try again after a wait that doubles, with jitter; give the job up after `attempts` of them.

    first, longest: seconds. A wait is drawn between half of the doubled one and the whole, so that
    jobs that failed together are not tried again together.
    """

    def __init__(self, *, attempts: int = 12, first: float = 2.0, longest: float = 3600.0) -> None:
        self.attempts = attempts
        self.first = first
        self.longest = longest

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to try again; None if the job has had its attempts."""
        if job.attempts + 1 >= self.attempts:
            return None
        wait = min(self.longest, self.first * 2.0**job.attempts)
        seconds = random.uniform(wait / 2, wait)  # noqa: S311
        return RetryDecision(
            retry_at=datetime.datetime.now(UTC) + datetime.timedelta(seconds=seconds)
        )


BACKOFF = Backoff()


class FencedJobManager(JobManager):
    """Settles a job only for the worker that still holds it.

    The library settles by the id of the job. A worker that was stopped for longer than its lease,
    and whose job another worker runs meanwhile, would settle that run.
    """

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Settle a job that succeeded or is given up."""
        if status is Status.FAILED and job.task_name not in app.tasks:
            # In an upgrade the database is newer than this worker. One that knows the task comes.
            again = BACKOFF.get_retry_decision(exception=TaskNotFound(), job=job)
            if again:
                await self.retry_job(job, retry_at=again.retry_at)
                return
        settled = await db.call(
            "settle_job",
            job_id=job.id,
            worker_id=job.worker_id,
            status=status.value,
            delete=delete_job,
        )
        self._note(job, settled[0]["settle_job"])

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime.datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Put a job back into the queue."""
        settled = await db.call(
            "postpone_job", job_id=job.id, worker_id=job.worker_id, until=retry_at
        )
        self._note(job, settled[0]["postpone_job"])

    def _note(self, job: Job, settled: bool) -> None:
        if not settled:
            log.warning("job_lost", task=job.task_name, job_id=job.id, worker_id=job.worker_id)


# Its pool is given to it when the worker starts (worker.service).
connector = PsycopgConnector()
app = App(
    connector=connector,
    import_paths=[f"worker.tasks.{module.name}" for module in pkgutil.iter_modules(tasks.__path__)],
)
app.job_manager = FencedJobManager(connector)
