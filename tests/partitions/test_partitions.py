"""The short form of `make partition-drill`."""

from __future__ import annotations

from pathlib import Path

from tests.faults.clinic import durable_cluster
from tests.partitions.drill import INTRUSIONS, drill, lines
from tests.scale.past import make_past


def test_consultations_are_partitioned_while_people_work(tmp_path: Path) -> None:
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
