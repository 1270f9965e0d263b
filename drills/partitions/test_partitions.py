"""The short form of `make drill NAME=partitions`."""

from __future__ import annotations

from pathlib import Path

from drills.partitions.drill import INTRUSIONS, drill, lines
from drills.past import make_past
from drills.stage import durable_cluster


def test_partitioning_under_load_loses_nothing(tmp_path: Path) -> None:
    with durable_cluster() as cluster:
        make_past(cluster, "telemed_past", 3_000, future_slots=1)
        result = drill(
            cluster, tmp_path, "telemed_past", clients=4, seconds=1, lead=12, seed="short"
        )
    told = "\n".join(lines(result))
    assert result.sound, told
    assert result.before == 3_000, told
    assert result.booked > 20, told
    assert all(result.intrusions[code] > 5 for code in INTRUSIONS), told
