"""Weekly slots around every change of clocks, compared with a model that only reads clocks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import psycopg

from scripts.server import Cluster
from tests.support.client import Client, at

TICK = timedelta(minutes=5)
# Start and end in minutes after midnight, and minutes of a slot
HOURS = [
    (0, 24 * 60, 60),
    (0, 24 * 60, 24 * 60),
    (0, 24 * 60, 35),
    (30, 6 * 60 + 30, 180),
    (90, 3 * 60, 20),
    (60, 2 * 60, 15),
    (2 * 60 + 10, 2 * 60 + 30, 5),
    (22 * 60 + 30, 30 * 60 + 15, 45),
    (23 * 60 + 45, 25 * 60 + 15, 90),
    (12 * 60, 35 * 60 + 55, 480),
]


def clock_at(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def changes_of_clocks(year: int) -> Iterator[tuple[str, datetime]]:
    """The changes of a year: one for each pair of local time and shift."""
    days = [datetime(year, 1, 2, tzinfo=UTC) + timedelta(days=n) for n in range(362)]
    seen = set()
    for name in sorted(n for n in available_timezones() if "/" in n):
        zone = ZoneInfo(name)
        offsets = [clock_at(day, zone) - clock_at(day, UTC) for day in days]
        for day, (before, after) in zip(days, pairwise(offsets), strict=False):
            if before != after:
                minutes = (day + timedelta(minutes=m) for m in range(1441))
                change = next(m for m in minutes if clock_at(m, zone) - clock_at(m, UTC) == after)
                kind = (clock_at(change, zone).time(), after - before)
                if kind not in seen:
                    seen.add(kind)
                    yield name, change


def starts_in(
    clock: dict[datetime, datetime], day: date, start: int, end: int, minutes: int
) -> list[datetime]:
    """The starts of the slots of one day, found by reading the clock every five minutes."""
    begins = datetime.combine(day, time()) + timedelta(minutes=start)
    ends = datetime.combine(day, time()) + timedelta(minutes=end)
    length = timedelta(minutes=minutes)
    instant = min(i for i in clock if clock[i] >= begins)
    closes = min(i for i in clock if clock[i] >= ends)
    starts = []
    while instant + length <= closes:
        if (clock[instant] - begins) % length:
            instant += TICK
        else:
            starts.append(instant)
            instant += length
    return starts


def text_of(minutes: int) -> str:
    minutes -= 0 if minutes <= 24 * 60 else 24 * 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


def test_weekly_slots_are_right_in_every_time_zone_when_clocks_change(
    doctor: Client, cluster: Cluster, database: str
) -> None:
    tried = 0
    with psycopg.connect(cluster.url(database), autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for name, change in changes_of_clocks(at(0).year + 1):
            zone = ZoneInfo(name)
            around = [change - timedelta(minutes=1), change]
            shown = "select array(select i at time zone %s from unnest(%s) as i)"
            row = connection.execute(shown, (name, around)).fetchone()
            assert row is not None
            if row[0] != [clock_at(i, zone) for i in around]:
                continue  # this Python and this PostgreSQL have different time zone data
            tried += 1
            clock = {
                i: clock_at(i, zone) for i in (change + n * TICK for n in range(-3 * 288, 3 * 288))
            }
            day = clock_at(change, zone).date()
            days = [day - timedelta(days=1), day]
            with connection.transaction(force_rollback=True):
                connection.execute("select app.set_actor(%s, 'doctor', null)", (doctor.id,))
                connection.execute(
                    "update app.doctors set time_zone = %s where user_id = %s", (name, doctor.id)
                )
                for start, end, minutes in HOURS:
                    with connection.transaction(force_rollback=True):
                        rows = connection.execute(
                            "select i.starts_at, i.ends_at"
                            " from api.publish_weekly_slots("
                            "     %s, %s, '{1,2,3,4,5,6,7}', %s::time, %s::time, %s) as w"
                            " cross join unnest(w.items) as i order by i.starts_at",
                            (days[0], days[1], text_of(start), text_of(end), minutes),
                        ).fetchall()
                    expected = [s for d in days for s in starts_in(clock, d, start, end, minutes)]
                    assert [row[0] for row in rows] == expected, (name, change, start, end)
                    assert {row[1] - row[0] for row in rows} <= {timedelta(minutes=minutes)}
    assert tried > 5
