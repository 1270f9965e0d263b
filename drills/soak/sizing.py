"""The cores, connections and disk that a load needs, from measured costs: docs/sizing.md.

API=1000 DATABASE=500 (microseconds per request) HASH=200 (milliseconds per log-in) WAL=15 GROWTH=5
(kB per booking) python -m drills.soak.sizing
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.system import command_line, say

ASKED = 100_000  # consultations a day
TIMES = (1, 10, 100, 1000)
REQUESTS = 11  # for each consultation: the booking and ten reads
LOG_INS = 0.1  # for each consultation: most patients come with a refresh token
PEAK = 4  # the busiest hour, as a multiple of the mean of the day
BUSY = 0.5  # share of a core that is used at the peak: the rest keeps queues short
POOL = 4  # connections of each worker, of which there is one for each core
CHECKPOINT_SECONDS = 900
COLUMNS = (
    *("times", "consultations a day", "requests a second at the peak", "cores of the API"),
    *("of these for log-ins", "cores of the database", "connections", "WAL, MB/s"),
    *("`max_wal_size`, GB", "growth a day, GB"),
)


@dataclass(frozen=True)
class Costs:
    """Processor time of a request in microseconds, of a log-in in milliseconds; kB per booking."""

    api: float
    database: float
    hash: float
    wal: float
    growth: float


def table(costs: Costs) -> Iterator[str]:
    """Lines of a table in Markdown, one for each of TIMES."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|" + "--:|" * len(COLUMNS)
    for times in TIMES:
        daily = ASKED * times
        peak = PEAK * daily / 86_400  # bookings a second
        log_ins = peak * LOG_INS * costs.hash / 1e3 / BUSY
        api = peak * REQUESTS * costs.api / 1e6 / BUSY + log_ins
        database = peak * REQUESTS * costs.database / 1e6 / BUSY
        wal = peak * costs.wal / 1e3
        cells = (
            f"{times:,}",
            f"{daily:,}",
            f"{peak * REQUESTS:,.0f}",
            f"{math.ceil(api):,}",
            f"{log_ins:,.1f}",
            f"{math.ceil(database):,}",
            f"{math.ceil(api) * POOL:,}",
            f"{wal:,.1f}",
            # Three checkpoints: one that is running, one that is due, and a margin.
            f"{math.ceil(3 * CHECKPOINT_SECONDS * wal / 1e3):,}",
            f"{daily * costs.growth / 1e6:,.1f}",
        )
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    named = ("API", "DATABASE", "HASH", "WAL", "GROWTH")
    for line in table(Costs(*(float(os.environ[name]) for name in named))):
        say(line)


if __name__ == "__main__":
    command_line("sizing", main)
