"""The short form of `make drill NAME=partitions`."""

from __future__ import annotations

from pathlib import Path

from drills.partitions.drill import INTRUSIONS, drill, lines
from drills.past import make_past
from drills.stage import durable_cluster
from tests.support.long import long


@long
def test_partitioning_under_load_loses_nothing(tmp_path: Path) -> None:
    with durable_cluster() as cluster:
        make_past(cluster, "telemed_past", 3_000, future_slots=1)
        result = drill(
            cluster, tmp_path, "telemed_past", clients=4, seconds=1, lead=12, seed="short"
        )
    summary = "\n".join(lines(result))
    assert result.sound, summary
    assert result.before == 3_000, summary
    assert result.booked > 20, summary
    assert all(result.intrusions[code] > 5 for code in INTRUSIONS), summary
