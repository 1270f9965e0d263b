"""Days and times of day as people enter them, by the clocks of a time zone.

Clocks change: a day may have 23 or 25 hours, and a time of day may occur twice or not at all.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def day_of(text: str) -> date | None:
    """The day that somebody has entered; None if it is no day of the calendar from 1901 to 9998."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if 1900 < day.year < 9999 else None


def time_of(text: str) -> time | None:
    """The time of day that somebody has entered; None if it is none."""
    try:
        found = time.fromisoformat(text.strip())
    except ValueError:
        return None
    return None if found.tzinfo else found


def beginning_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day."""
    # Where clocks skip midnight, this is the instant of the change.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def length_of(day: date, zone: ZoneInfo) -> timedelta:
    """How long a day is: 24 hours, except when clocks change."""
    return beginning_of(day + ONE_DAY, zone) - beginning_of(day, zone)


def instants(day: date, at: time, zone: ZoneInfo) -> list[datetime]:
    """The instants at which clocks show a time: one, two when clocks go back, or none."""
    local = datetime.combine(day, at)
    found = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(i for i in found if i.astimezone(zone).replace(tzinfo=None, fold=0) == local)


def minutes_between(start: datetime, end: datetime) -> int:
    """Elapsed minutes."""
    return round((end - start).total_seconds() / 60)
