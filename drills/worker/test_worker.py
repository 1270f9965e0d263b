"""The short form of `make drill NAME=worker`, and faults that its checks must find."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from drills.worker import drill
from drills.worker.drill import Drill, Plan
from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from tests.support.orders import EFFECTS


def test_nothing_is_lost_stuck_or_done_twice(cluster: Cluster, tmp_path: Path) -> None:
    result = drill.run(cluster, "telemed_worker_drill", tmp_path, Plan(seconds=12, seed=3))
    assert result.faults == []
    assert result.runs > result.orders


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("delete from drill.effects where order_id = 1", "1 orders were lost"),
        ("insert into drill.effects (order_id) values (1)", "1 orders had their effect twice"),
        ("select app.enqueue_job('drill', '{}')", "1 jobs are stuck"),
        (
            "insert into procrastinate.procrastinate_jobs (queue_name, task_name, status)"
            " values ('default', 'drill', 'failed')",
            "1 jobs were given up",
        ),
        (
            "update drill.orders set line = 1; insert into drill.orders values (0, 1, 'done');"
            "insert into drill.effects (order_id) values (0)",
            "1 effects came out of the order of their line",
        ),
        (
            "alter table app.payments disable trigger payments_stay_within_bounds",
            "1 invariants are violated",
        ),
    ],
)
def test_checks_find_a_fault(cluster: Cluster, tmp_path: Path, damage: str, fault: str) -> None:
    name = "telemed_worker_damage"
    cluster.create_database(name, TEMPLATE)
    try:
        cluster.sql(EFFECTS.read_text(), name)
        with psycopg.connect(cluster.url(name), autocommit=True) as connection:
            found = Drill(cluster, name, tmp_path, Plan(), connection)
            connection.execute("insert into drill.orders values (1, 0, 'done')")
            connection.execute("insert into drill.effects (order_id) values (1)")
            assert list(found.faults()) == []
            connection.execute(damage.encode())
            assert list(found.faults()) == [fault]
            found.log.close()
    finally:
        cluster.drop_database(name)
