"""The clinic under load, with the settings of production."""

from __future__ import annotations

import dataclasses
from typing import Any

import psycopg

from api import auth, config
from scripts.server import Cluster
from tests.support.server import environment

# As in production: 2 workers with 4 threads and 4 connections each, and the default limits.
PRODUCTION = {
    "WEB_CONCURRENCY": "2",
    "THREADS": "4",
    "DATABASE_POOL_SIZE": "4",
    "BCRYPT_COST": "12",
    "RATE_LIMIT": "6000 per minute",
    "RATE_LIMIT_AUTH": "300 per minute",
}
FUTURE = """
select c.id::text, c.status::text from app.consultations as c
 where c.starts_at > now() + interval '1 day'
"""
# Rows of make_past have no audit rows: only the rows of the run are checked.
VIOLATIONS = "select name, violations from ops.check_invariants('{}') where violations > 0"
PEOPLE = """
select p.id::text, p.session_id::text, u.email::text
  from scale.people as p join app.users as u on u.id = p.id
 where p.role = 'patient' order by p.n
"""
# Slots of one time have different patients, and a patient returns hours later.
BOOKINGS = """
select id::text, (row_number() over (order by starts_at, doctor_id))::integer %% %s
  from app.availability_slots
 where status = 'open' and starts_at > now() + interval '1 day'
 order by md5(id::text)
"""
BOOKED = """
select c.id::text, (p.n - (select min(n) from scale.people where role = 'patient'))::integer
  from app.consultations as c join scale.people as p on p.id = c.patient_id
 order by md5(c.id::text) limit 50000
"""


def tokens(people: list[tuple[str, str]], minutes: int) -> list[str]:
    """An access token of each patient, valid for so long."""
    settings = config.load(environment("postgresql://nowhere"))
    lasting = dataclasses.replace(settings, access_token_expire_minutes=minutes)
    return [auth.issue(lasting, id_, "patient", session) for id_, session in people]


def choices(cluster: Cluster, database: str, minutes: int) -> dict[str, Any]:
    """What the requests choose from, for k6; the tokens are valid for `minutes`."""
    with psycopg.connect(cluster.url(database)) as connection:

        def rows(query: str, *values: object) -> list[tuple[Any, ...]]:
            return connection.execute(query.encode(), values or None).fetchall()

        people = rows(PEOPLE)
        return {
            "tokens": tokens([person[:2] for person in people], minutes),
            "emails": [email for _, _, email in people],
            "bookings": rows(BOOKINGS, len(people)),
            "booked": rows(BOOKED),
            "doctors": [id_ for (id_,) in rows("select user_id::text from app.doctors")],
            "specialties": [s for (s,) in rows("select distinct specialty from app.doctors")],
        }
