"""Time the searches at 1,000 doctors with a year of slots. SECONDS=10 DAYS=365

One client sends the API's statement, with another caller, specialty or doctor each time. The drill
fails if the 95th percentile of a path is over its bound.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

import psycopg

from drills import report
from drills.hot_paths import SETTINGS, Call, Stock, figures_of, work
from drills.past import make_past
from drills.stage import durable_cluster
from scripts.server import Cluster
from scripts.system import CommandError, command_line, say

DATABASE = "search"
DOCTORS, PATIENTS = 1_000, 1_000
BOUND_SECONDS = 0.020
WARM_UP_SECONDS = 2
# On each working day of a year, four hours in slots of half an hour: in the morning, at noon, in
# the evening or at night.
YEAR = """
set session_replication_role = replica;
insert into app.availability_slots (doctor_id, starts_at, ends_at, specialty)
select p.id, at, at + interval '30 minutes', 'specialty_' || p.n % 20
  from generate_series(date_trunc('day', now()) + interval '3 days',
     date_trunc('day', now()) + ({days} + 2) * interval '1 day', interval '1 day') as day
 cross join generate_series(0, 7) as half_hour
  join scale.people as p on p.role = 'doctor'
 cross join lateral (
     select day + (6 + p.n % 4 * 5) * interval '1 hour' + half_hour * interval '30 minutes' as at
 ) as t
 where extract(isodow from day) < 6;
"""


def main() -> None:
    seconds = float(os.environ.get("SECONDS") or 10)
    days = int(os.environ.get("DAYS") or 365)
    with durable_cluster(settings=SETTINGS) as cluster:
        slots = make_year(cluster, days)
        figures = measure(cluster, seconds)
        version = cluster.version
    p95 = {path: sorted(times)[int(len(times) * 0.95)] for path, times in figures.items()}
    report.write("search", text(figures, slots, days, version, seconds))
    slow = [path for path, value in p95.items() if value > BOUND_SECONDS]
    for path in slow:
        say(f"search: {path}: p95 {p95[path] * 1000:.1f} ms")
    if slow:
        raise CommandError(f"not within {BOUND_SECONDS * 1000:.0f} ms")


def make_year(cluster: Cluster, days: int) -> int:
    """The number of open slots."""
    began = time.monotonic()
    make_past(cluster, DATABASE, 0, 0, doctors=DOCTORS, patients=PATIENTS)
    with psycopg.connect(cluster.url(DATABASE), autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        for statement in YEAR.format(days=days).split(";\n"):
            connection.execute(statement.encode())
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
        (slots,) = connection.execute(
            "select count(*) from app.availability_slots where status = 'open'"
        ).fetchone() or (0,)
    say(f"search: {slots:,} open slots: {time.monotonic() - began:.0f} s")
    return int(slots)


def measure(cluster: Cluster, seconds: float) -> dict[str, list[float]]:
    """The seconds of each call, by path."""
    calls = calls_of(Stock.of(cluster, DATABASE), random.Random(1))
    for call in calls.values():
        work(cluster, DATABASE, call, WARM_UP_SECONDS)
    return {path: work(cluster, DATABASE, call, seconds) for path, call in calls.items()}


def calls_of(stock: Stock, chance: random.Random) -> dict[str, Callable[[], Call]]:
    """A call of each path, with other values each time."""

    def call(function: str, **arguments: object) -> Callable[[], Call]:
        def made() -> Call:
            drawn = {
                name: value() if callable(value) else value for name, value in arguments.items()
            }
            return chance.choice(stock.patients), function, drawn

        return made

    def specialty() -> str:
        return f"specialty_{chance.randrange(20)}"

    def doctor() -> str:
        return chance.choice(stock.doctors).id

    berlin = {"time_zone": "Europe/Berlin"}
    evening = {"weekdays": [1, 2, 3, 4, 5], "between": "17:00-20:00", **berlin}
    never = {"between": "03:30-05:30", **berlin}
    return {
        "open slots": call("find_open_slots"),
        "open slots of a specialty": call("find_open_slots", specialty=specialty),
        "open slots, evenings": call("find_open_slots", **evening),
        "open slots of a specialty, evenings": call(
            "find_open_slots", specialty=specialty, **evening
        ),
        "open slots of a specialty and a rare language, evenings": call(
            "find_open_slots", specialty=specialty, language="es", **evening
        ),
        "open slots of a rare language": call("find_open_slots", language="es"),
        "open slots of a rare language, evenings": call(
            "find_open_slots", language="es", **evening
        ),
        "open slots of a frequent language, evenings": call(
            "find_open_slots", language="de", **evening
        ),
        "open slots in hours that no doctor offers": call("find_open_slots", **never),
        "open slots of a specialty in hours that no doctor offers": call(
            "find_open_slots", specialty=specialty, **never
        ),
        "calendar of a doctor, 31 days": call("doctor_calendar", doctor_id=doctor),
        "doctors": call("list_doctors"),
        "doctors by a word with a typing error": call("list_doctors", q="spansh"),
        "doctors by two words": call("list_doctors", q=lambda: f"name {specialty()[-1]}"),
        "doctors of a specialty by next free time": call(
            "list_doctors", specialty=specialty, sort="next_free"
        ),
        "doctors by next free time": call("list_doctors", sort="next_free"),
        "specialties": call("list_specialties"),
    }


def text(
    figures: dict[str, list[float]], slots: int, days: int, version: str, seconds: float
) -> str:
    lines = [
        "# Searches for doctors and slots",
        "",
        f"{DOCTORS:,} doctors with slots on {days} days, {slots:,} in all; 20 specialties, all"
        " doctors speak German, one in 25 speaks Spanish. One client through SQL, with the"
        f" statement that the API sends, pages of 50, `shared_buffers` 1 GB, PostgreSQL {version},"
        f" {os.cpu_count()} CPUs, {seconds:.0f} s for each figure. Hours are those of clocks in"
        " Berlin. `make drill NAME=search` writes this file, and fails if a 95th percentile is over"
        f" {BOUND_SECONDS * 1000:.0f} ms. Milliseconds depend on the computer.",
        "",
        f"Commit {report.commit()}.",
        "",
        "| search | figures |",
        "|---|---|",
        *(f"| {path} | {figures_of(times, seconds)} |" for path, times in figures.items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    command_line("search", main)
