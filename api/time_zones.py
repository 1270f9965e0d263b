"""Compares the time zone data of PostgreSQL with those of Python.

Time zone laws change, and a server with old data offers 09:00 at the wrong instant. Only PostgreSQL
converts local times. Python's package tzdata is there for the comparison: it has the newest data
that this build knows.
"""

import importlib
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import resources
from time import monotonic
from zoneinfo import ZoneInfo

import psycopg

from api import administration
from api.config import Settings
from api.logs import log

WEEKS = 105  # two years, as in api.time_zone_data
FRESH_SECONDS = 3600.0
RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class Comparison:
    """Two releases of the IANA time zone database, and the zones that differ within two years.

    postgresql: the newest release whose laws PostgreSQL knows (app.time_zone_release).
    """

    postgresql: str
    python: str
    differing: tuple[str, ...]

    @property
    def warning(self) -> str:
        """A warning in one line; empty if no zone differs."""
        if not self.differing:
            return ""
        more = len(self.differing) - 8
        names = ", ".join(self.differing[:8]) + (f" and {more} more" if more > 0 else "")
        return (
            f"PostgreSQL's time zone data ({self.postgresql}) and Python's ({self.python}) "
            f"differ for {names}: upgrade the older one"
        )


def compare(settings: Settings) -> Comparison:
    """Query PostgreSQL over a separate connection and compare. Raises psycopg.Error."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    release, theirs = administration.time_zone_data(settings, start)
    ours = digests(start)
    differing = sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name])
    return Comparison(release, python_release(), tuple(differing))


def python_release() -> str:
    """The release of Python's time zone database, such as 2026f."""
    return str(importlib.import_module("tzdata").IANA_VERSION)


def digests(start: datetime) -> dict[str, str]:
    """A digest of the offsets of each zone from `start` on, equal to that of api.time_zone_data."""
    # From the package: ZoneInfo(name) would prefer the data of the operating system.
    package = resources.files("tzdata")
    instants = [start + timedelta(weeks=n) for n in range(WEEKS)]
    found = {}
    for name in (package / "zones").read_text().split():
        with (package / "zoneinfo" / name).open("rb") as file:
            zone = ZoneInfo.from_file(file, name)
        found[name] = sha256(
            ",".join(str(_offset_seconds(zone, instant)) for instant in instants).encode()
        ).hexdigest()
    return found


def _offset_seconds(zone: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


class Watch:
    """Keeps the last comparison of this process and repeats it after an hour."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._due = 0.0
        self._last: Comparison | None = None

    def look(self, settings: Settings) -> Comparison | None:
        """The last comparison, repeated if it is due. None if PostgreSQL could not be queried."""
        # During a comparison, other threads return the last one instead of waiting.
        if monotonic() >= self._due and self._turn.acquire(blocking=False):
            try:
                self._last = compare(settings)
                self._due = monotonic() + FRESH_SECONDS
                if self._last.warning:
                    log.warning("time_zones_differ", detail=self._last.warning)
            except psycopg.Error:
                self._last = None
                self._due = monotonic() + RETRY_SECONDS
            finally:
                self._turn.release()
        return self._last
