"""The schedule: what a DBA would otherwise have to remember. Times are UTC.

A task of the schedule waits in the queue at most once (`queueing_lock`) and runs once at a time
(`lock`), however many instances there are.
"""

import datetime

from api import config
from api.logs import log
from worker import db, metrics, seals
from worker.app import Backoff, app

# The schedule itself comes again.
SOON = Backoff(attempts=3, first=5.0, longest=15.0)


@app.periodic(cron="* * * * *")
@app.task(name="seal_audit", retry=SOON, lock="seal_audit", queueing_lock="seal_audit")
async def seal_audit(timestamp: int) -> None:
    """Seal the audit log, and write the seals to AUDIT_SEALS_FOLDER."""
    await db.call("seal_audit")
    await seals.export()


@app.periodic(cron="*/5 * * * *")
@app.task(name="fold_activity", retry=SOON, lock="fold_activity", queueing_lock="fold_activity")
async def fold_activity(timestamp: int) -> None:
    """Fold what is sealed into the sums of the analytics."""
    while (await db.call("fold_activity"))[0]["fold_activity"]:
        pass


@app.periodic(cron="*/5 * * * *")
@app.task(
    name="check_invariants", retry=SOON, lock="check_invariants", queueing_lock="check_invariants"
)
async def check_invariants(timestamp: int) -> None:
    """Check the rows of the last hour: a violation is an error in the log, and a metric."""
    since = datetime.datetime.fromtimestamp(timestamp, datetime.UTC) - datetime.timedelta(hours=1)
    await _check("hour", since)


@app.periodic(cron="17 3 * * *")
@app.task(
    name="check_all_invariants",
    retry=SOON,
    lock="check_invariants",
    queueing_lock="check_all_invariants",
)
async def check_all_invariants(timestamp: int) -> None:
    """Check all rows, every night."""
    await _check("all", None)


async def _check(scope: str, since: datetime.datetime | None) -> None:
    rows = await db.call("check_invariants", since=since)
    metrics.CHECKED_AT.labels(scope).set_to_current_time()
    for row in rows:
        if row["violations"]:
            log.error(
                "invariant_violated",
                invariant=row["name"],
                violations=row["violations"],
                examples=row["examples"],
            )


@app.periodic(cron="7 * * * *")
@app.task(name="purge", retry=SOON, lock="purge", queueing_lock="purge")
async def purge(timestamp: int) -> None:
    """Delete what ended PURGE_AFTER_DAYS ago: see ops.purge. Delete ended jobs, too."""
    keep_days = config.load(to_serve=False).purge_after_days
    while any(row["rows"] >= 10_000 for row in await db.call("purge", keep_days=keep_days)):
        pass
    await db.call("delete_ended_jobs")


@app.periodic(cron="23 * * * *")
@app.task(
    name="create_partitions",
    retry=SOON,
    lock="create_partitions",
    queueing_lock="create_partitions",
)
async def create_partitions(timestamp: int) -> None:
    """Create the partitions of the months ahead."""
    await db.call("create_partitions")
