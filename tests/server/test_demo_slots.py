"""The demo clinic can be booked for weeks, whenever it was first started."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.password_hashing import hash_password
from scripts.run import DEMO_PASSWORD, PSQL
from scripts.server import Cluster
from scripts.system import run

OPEN = """
    select count(*), min(s.weeks)
      from (select doctor_id, count(distinct date_trunc('week', starts_at)) as weeks
              from app.availability_slots
             where status = 'open' and starts_at between app.clock() and app.clock() + '5 weeks'
             group by doctor_id) as s
"""
LATER = """
    create or replace function app.clock() returns timestamptz language sql stable
    set search_path = pg_catalog, pg_temp as 'select now() + interval ''{days} days'''
"""
SLOTS = "select count(*), max(starts_at) from app.availability_slots"


@pytest.fixture(scope="module")
def demo(cluster: Cluster, new_database: Callable[[], str]) -> str:
    """A database with the demo data."""
    database = new_database()
    variable = f"password_hash={hash_password(DEMO_PASSWORD, 4)}"
    command = (*PSQL, "-v", variable, "-f", "db/demo/demo_data.sql")
    run(command, cluster.environment(database))
    return database


def publish(cluster: Cluster, database: str) -> None:
    run((*PSQL, "-f", "db/demo/demo_slots.sql"), cluster.environment(database))


@pytest.mark.parametrize("days", [0, 3, 100])
def test_demo_doctors_have_open_slots_in_each_of_five_weeks(
    cluster: Cluster, demo: str, days: int
) -> None:
    cluster.sql(LATER.format(days=days), demo)
    publish(cluster, demo)
    doctors, weeks = cluster.sql(OPEN, demo).split("|")
    assert int(doctors) == 12
    assert int(weeks) >= 5


def test_second_start_on_a_day_publishes_nothing(cluster: Cluster, demo: str) -> None:
    publish(cluster, demo)
    before = cluster.sql(SLOTS, demo)
    publish(cluster, demo)
    assert cluster.sql(SLOTS, demo) == before


def test_slots_that_a_doctor_has_withdrawn_stay_withdrawn(cluster: Cluster, demo: str) -> None:
    publish(cluster, demo)
    cluster.sql(
        "update app.availability_slots set status = 'withdrawn' where status = 'open'", demo
    )
    publish(cluster, demo)
    assert cluster.sql(OPEN, demo).startswith("0|")


def test_clinic_without_demo_doctors_gets_no_slots(
    cluster: Cluster, new_database: Callable[[], str]
) -> None:
    database = new_database()
    publish(cluster, database)
    assert cluster.sql(SLOTS, database) == "0|"
