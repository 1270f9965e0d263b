"""The short form of `make drill NAME=browse`, without Chromium, and faults that it must find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from drills.browse import broken_app, drill
from drills.browse.browsers import Plain
from drills.browse.drill import Journal, Walker
from drills.browse.people import ROLES
from scripts.server import Cluster

STEPS = 30  # of each person
PLACES = {"/", "/doctors", "/doctors/{id}", "/consultations", "/account"}
# So few steps lead neither to every page nor always to a booking.
FIRST = ("/", broken_app.BUG, *(path for path in broken_app.FAULTS if "{" not in path))
BOOKING = """
begin;
select ops.act_as('{}');
select api.book_consultation(
    (select id from app.availability_slots order by id limit 1), null, 'browse');
commit;
"""


def walk(cluster: Cluster, database: str, folder: Path, app: str = "") -> tuple[Journal, list[str]]:
    journal = Journal()
    with drill.clinic(cluster, database, folder, app) as (people, server):
        walkers = [
            Walker(people, role, Plain(server.url), server.url, str(n), journal)
            for n, role in enumerate(ROLES)
        ]
        cluster.sql(BOOKING.format(walkers[0].person.email), database)
        doctor = cluster.sql("select user_id from app.doctors limit 1", database)
        for walker in walkers:
            walker.open("/account")
            walker.step()  # logs in
            for path in (*FIRST, f"/doctors/{doctor}"):
                walker.open(path)
        drill.browse(walkers, 600, STEPS)
        return journal, list(drill.after(cluster, database, server))


def test_people_without_a_plan_find_no_violation(
    cluster: Cluster, new_database: Callable[[], str], tmp_path: Path
) -> None:
    journal, wrong = walk(cluster, new_database(), tmp_path)
    assert not journal.violations, journal.violations
    assert not wrong, wrong
    assert journal.pages.total() >= STEPS * len(ROLES)
    assert set(journal.pages) >= PLACES


def test_deliberate_faults_of_pages_are_found(
    cluster: Cluster, new_database: Callable[[], str], tmp_path: Path
) -> None:
    journal, wrong = walk(cluster, new_database(), tmp_path, "drills.browse.broken_app:build()")
    found = {(route, name) for name, route, _ in journal.violations}
    expected = {(route, name) for route, (name, _) in broken_app.FAULTS.items()}
    expected.add((broken_app.BUG, "answer_is_expected"))
    assert expected <= found, expected - found
    assert [line for line in wrong if "the log has a bug" in line and "RuntimeError" in line]
