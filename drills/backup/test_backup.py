"""The short form of `make drill NAME=backup`, and losses that its checks must find."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from drills.backup import archives, drill
from drills.backup.drill import Moment, Result
from drills.clients import Board
from drills.history import Operation
from drills.stage import Stage, clinic_at_work, durable_cluster
from tests.support.long import long

WRITES = 15
NO_POWER_CUT = {"fsync": "off"}


@dataclasses.dataclass
class Restored:
    """A clinic that was destroyed and restored to a moment."""

    stage: Stage
    archive: archives.BaseBackup | archives.PgBackRest
    result: Result


@pytest.fixture(
    scope="module", params=[archives.BaseBackup, pytest.param(archives.PgBackRest, marks=long)]
)
def restored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Restored]:
    logs = tmp_path_factory.mktemp("logs")
    with (
        durable_cluster(settings=archives.SETTINGS | NO_POWER_CUT) as cluster,
        clinic_at_work(cluster, logs) as stage,
    ):
        try:
            archive = request.param(cluster)
        except archives.UnusableError as reason:
            pytest.skip(str(reason))
        yield Restored(
            stage,
            archive,
            drill.run(stage, logs, archive, Board(stage, 6), "short", WRITES, clients=3),
        )


def test_restore_has_every_acknowledged_write_of_before_the_moment_and_none_of_after(
    restored: Restored,
) -> None:
    result = restored.result
    assert result.violations == {}
    assert result.problems == []
    assert result.kept >= 2 * WRITES
    assert result.undone >= WRITES


def test_seals_exported_after_the_moment_show_the_missing_end(restored: Restored) -> None:
    noticed = restored.result.noticed
    assert any("exported_seal_missing" in problem for problem in noticed)
    assert any("the log has lost its end" in problem for problem in noticed)


def booking(operations: list[Operation]) -> Operation:
    """The last acknowledged booking."""
    return [o for o in operations if o.kind == "book" and o.outcome and o.outcome.ok][-1]


def id_of(operation: Operation) -> str:
    assert operation.outcome
    return str(operation.outcome.body["id"])


def test_booking_that_the_restore_lacks_is_reported(restored: Restored) -> None:
    """The clients are said to have known more than the restored cluster has."""
    result = restored.result
    lost = booking(result.whole.operations)
    assert lost.outcome
    later = Moment(lost.outcome.returned, datetime.now(UTC), lost.outcome.returned)
    violations = drill.violations_of(restored.stage, drill.until(result.whole, later))
    assert any(id_of(lost) in text for text in violations["acknowledged_writes_are_stored"])


def test_booking_that_the_restore_has_too_much_is_reported(restored: Restored) -> None:
    """The clients are said to have known less than the restored cluster has."""
    result = restored.result
    extra = booking(drill.acknowledged(result.history))
    earlier = extra.attempts[0].invoked - 1e-6
    known = drill.until(result.whole, Moment(earlier, datetime.now(UTC), earlier))
    violations = drill.violations_of(restored.stage, known)
    assert any(id_of(extra) in text for text in violations["nothing_happens_without_a_request"])
