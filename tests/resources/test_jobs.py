"""Jobs that were given up, as admins see them."""

from __future__ import annotations

from scripts.server import Cluster
from tests.support.client import Client, ok, places, problem

PATH = "/v1/admin/jobs"


def dead_job(cluster: Cluster, database: str, task: str) -> int:
    """The id of a job of a task that no worker knows, after its last attempt."""
    return int(
        cluster.sql(
            f"""
            with job as (
                insert into procrastinate.procrastinate_jobs
                    (queue_name, task_name, status, attempts, args)
                values ('none', '{task}', 'failed', 12, '{{"n": 1}}') returning id
            ), event as (
                insert into procrastinate.procrastinate_events (job_id, type, at)
                select id, 'failed', '2027-01-04 08:00+00' from job
            )
            select id from job
            """,
            database,
        )
    )


def test_dead_jobs_are_listed_by_page_and_task(
    admin: Client, cluster: Cluster, database: str
) -> None:
    ids = [dead_job(cluster, database, "test_list") for _ in range(3)]
    found = [row for page in admin.pages(PATH, task="test_list", limit=2) for row in page]
    assert [row["id"] for row in found] == ids[::-1]
    oldest = ok(admin.get(PATH, task="test_list", order="id", limit=1))["items"]
    assert oldest == [
        {
            "id": ids[0],
            "task": "test_list",
            "arguments": {"n": 1},
            "attempts": 12,
            "died_at": "2027-01-04T08:00:00Z",
        }
    ]
    assert ok(admin.get(PATH, task="test_nothing"))["items"] == []
    assert places(admin.get(PATH, order="task")) == ["order"]


def test_dead_jobs_are_tried_again_one_or_all_of_a_task(
    admin: Client, cluster: Cluster, database: str
) -> None:
    ids = [dead_job(cluster, database, "test_retry") for _ in range(3)]
    assert ok(admin.post(f"{PATH}/retry", {"job_id": ids[0]})) == {"jobs": 1}
    problem(admin.post(f"{PATH}/retry", {"job_id": ids[0]}), 404, "TM430")
    left = ok(admin.get(PATH, task="test_retry"))["items"]
    assert [row["id"] for row in left] == ids[:0:-1]
    assert ok(admin.post(f"{PATH}/retry", {"task": "test_retry"})) == {"jobs": 2}
    assert ok(admin.post(f"{PATH}/retry", {"task": "test_retry"})) == {"jobs": 0}
    assert ok(admin.get(PATH, task="test_retry"))["items"] == []


def test_job_id_that_is_no_number_is_refused(admin: Client) -> None:
    for wrong in ("1", 0, 2**63, True):
        assert places(admin.post(f"{PATH}/retry", {"job_id": wrong})) == ["#/job_id"]
