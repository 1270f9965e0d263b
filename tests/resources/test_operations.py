"""The state of the system, as admins see it."""

from __future__ import annotations

from scripts.server import Cluster
from tests.support.client import Client, ok


def test_system_has_its_queue_and_its_figures(
    admin: Client, cluster: Cluster, database: str
) -> None:
    cluster.sql(
        "insert into procrastinate.procrastinate_jobs (queue_name, task_name, status)"
        " values ('none', 'test_system', 'failed')",
        database,
    )
    system = ok(admin.get("/v1/admin/system"))
    (row,) = (row for row in system["queue"] if row["task"] == "test_system")
    assert row == {
        "task": "test_system",
        "due": 0,
        "later": 0,
        "running": 0,
        "dead": 1,
        "lag_seconds": None,
    }
    figures = {row["figure"]: row["value"] for row in system["figures"]}
    assert figures["database_size_bytes"] > 0
    assert figures["database_connections"] <= figures["database_connections_limit"]
    assert system["database_version"] == cluster.sql("show server_version", database)


def test_advice_is_that_of_a_dba(admin: Client, cluster: Cluster, database: str) -> None:
    cluster.sql(
        "insert into procrastinate.procrastinate_jobs (queue_name, task_name, status)"
        " values ('none', 'test_advice', 'failed')",
        database,
    )
    advice = ok(admin.get("/v1/admin/advice"))["items"]
    subjects = {row["subject"]: row["severity"] for row in advice}
    assert subjects["dead jobs"] == "warning"
    found = cluster.sql("select string_agg(subject, '|') from ops.advise()", database)
    assert set(subjects) == set(found.split("|"))
