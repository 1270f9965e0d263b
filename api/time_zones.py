"""How old the time zone data of PostgreSQL and of Python are, and which zones they disagree about.

Laws change, and a server whose data are older offers 09:00 at the wrong instant. All that the API
does with time zones it leaves to PostgreSQL. Python's data, the package tzdata, are here to be
compared with: they are the newest that this build knows of.
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

from api import db
from api.config import Settings
from api.logs import log

WEEKS = 105  # two years, as api.time_zone_data
FRESH_SECONDS = 3600.0
RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class Comparison:
    """Releases of the IANA time zone database, and zones whose clocks differ within two years.

    postgresql: the newest release whose laws PostgreSQL knows, see app.time_zone_release.
    """

    postgresql: str
    python: str
    differing: tuple[str, ...]

    @property
    def warning(self) -> str:
        """What is wrong, in one line; empty when nothing is."""
        if not self.differing:
            return ""
        more = len(self.differing) - 8
        names = ", ".join(self.differing[:8]) + (f" and {more} more" if more > 0 else "")
        return (
            f"PostgreSQL's time zone data ({self.postgresql}) and Python's ({self.python}) "
            f"disagree about {names}: upgrade the older"
        )


def compare(settings: Settings) -> Comparison:
    """Ask PostgreSQL, over a connection of its own. Raises psycopg.Error."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    release, theirs = db.time_zone_data(settings, start)
    ours = digests(start)
    differing = sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name])
    return Comparison(release, python_release(), tuple(differing))


def python_release() -> str:
    """Python's release of the time zone database, such as 2026f."""
    return str(importlib.import_module("tzdata").IANA_VERSION)


def digests(start: datetime) -> dict[str, str]:
    """A digest of what the clocks of each zone show from `start` on, as api.time_zone_data's."""
    # The package, whatever the system has: ZoneInfo(name) would prefer the system's.
    package = resources.files("tzdata")
    instants = [start + timedelta(weeks=n) for n in range(WEEKS)]
    found = {}
    for name in (package / "zones").read_text().split():
        with (package / "zoneinfo" / name).open("rb") as file:
            zone = ZoneInfo.from_file(file, name)
        found[name] = sha256(
            ",".join(str(_seconds_ahead(zone, instant)) for instant in instants).encode()
        ).hexdigest()
    return found


def _seconds_ahead(zone: ZoneInfo, instant: datetime) -> int:
    ahead = instant.astimezone(zone).utcoffset()
    return int(ahead.total_seconds()) if ahead is not None else 0


class Watch:
    """The last comparison of this process, made again when it is an hour old."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._due = 0.0
        self._last: Comparison | None = None

    def look(self, settings: Settings) -> Comparison | None:
        """Compare when it is time to; None while PostgreSQL could not be asked."""
        # Whoever comes meanwhile takes what is there, instead of waiting.
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
