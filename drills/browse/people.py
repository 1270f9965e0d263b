"""The people who browse: their accounts, their names, and what they enter into forms."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from api.password_hashing import hash_password
from scripts.server import Cluster

PASSWORD = "violet kettle 83 meadow"  # of everybody here
INJECTED = "data-injected"
ROLES = ("patient", "patient", "doctor", "admin")
ZONES = ("Pacific/Honolulu", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "UTC")
LANGUAGES = ("en", "es", "fr")
TEXTS = (
    f"<b {INJECTED}>bold</b>",
    f'"><b {INJECTED}>',
    "' or true --",
    "{{ 7 * 7 }} %(name)s %s",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd",
    "a " * 1000,
    "line\r\nline",
    "   ",
    "",
    "0",
    "-1",
    "50",
)
USER = """
with person as (select app.uuid_v7() as id)
select app.create_user(p.id, %(email)s, %(hash)s, %(name)s, %(role)s), p.id::text
  from person as p"""
PROFILE = """
update app.profiles set time_zone = %(zone)s, language = %(language)s where user_id = %(id)s"""
DOCTOR = """
insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency)
values (%(id)s, 'Cardiology', %(zone)s, 5000, 'EUR')"""
# From now on, so that there is always one that can be joined and completed.
SLOTS = """
insert into app.availability_slots (doctor_id, starts_at, ends_at)
select %(id)s, at, at + interval '15 minutes'
  from generate_series(date_trunc('minute', now()) + interval '5 minutes',
      now() + interval '9 hours', interval '15 minutes') as at"""


@dataclass
class Person:
    """Somebody with an account. `marks`: parts of the names of all patients, by their e-mail."""

    email: str
    role: str
    marks: dict[str, str] = field(repr=False)

    @property
    def marks_of_other_patients(self) -> list[str]:
        return [mark for email, mark in list(self.marks.items()) if email != self.email]


class People:
    """Makes accounts in the database of a clinic."""

    def __init__(self, cluster: Cluster, database: str, seed: int) -> None:
        self._url = cluster.url(database)
        self._numbers = itertools.count(1)
        self._random = random.Random(seed)
        self._hash = hash_password(PASSWORD, 4)
        self._marks: dict[str, str] = {}

    def new(self, role: str) -> Person:
        """An account in some time zone and language; a doctor has free times in the next hours."""
        number = next(self._numbers)
        mark = f"Mark{number:05}"
        email = f"{mark.lower()}@browse.test"
        if role == "patient":
            self._marks[email] = mark
        values: dict[str, Any] = {
            "email": email,
            "hash": self._hash,
            "name": f"Kim {mark}",
            "role": role,
            "zone": self._random.choice(ZONES),
            "language": self._random.choice(LANGUAGES),
        }
        with psycopg.connect(self._url) as connection:
            connection.execute("select set_config('app.request_id', 'browse', true)")
            found = connection.execute(USER.encode(), values).fetchone()
            assert found
            values["id"] = found[1]
            connection.execute("select app.set_actor(%(id)s, %(role)s)", values)
            connection.execute(PROFILE.encode(), values)
            if role == "doctor":
                connection.execute(DOCTOR.encode(), values)
                connection.execute(SLOTS.encode(), values)
        return Person(email, role, self._marks)


def entry(name: str, kind: str, default: str, options: list[str], rng: random.Random) -> str:
    """What somebody enters into a field. kind: the type of an <input>, else its element."""
    if "password" in name:
        return PASSWORD
    if kind in ("hidden", "submit"):
        return default
    if kind in ("select", "radio", "checkbox"):
        return rng.choice(options) if options else default
    if rng.random() < 0.5 and default:
        return default
    if kind == "date":
        return rng.choice((_day(rng), _day(rng), "", "2026-02-30"))
    if kind == "time":
        return rng.choice(("09:00", "17:00", "02:30", "24:00", ""))
    if kind == "datetime-local":
        return rng.choice((_day(rng) + "T09:00", _day(rng) + "T02:30", ""))
    if kind == "number":
        return rng.choice(("1", "30", "60", "-5", "1e9", ""))
    if kind == "email":
        return rng.choice(("somebody@browse.test", "no address", default))
    return rng.choice(TEXTS) if rng.random() < 0.7 else "Some words"


def _day(rng: random.Random) -> str:
    return str((datetime.now(UTC) + timedelta(days=rng.randint(-30, 60))).date())
