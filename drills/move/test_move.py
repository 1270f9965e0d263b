"""The short form: a clinic moves between two servers; a move that fails, and one that is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drills.move import broken, drill
from drills.move.__main__ import all_found
from drills.move.drill import MOVES
from scripts.cluster import TEMPLATE, THROWAWAY_SETTINGS, deployed_cluster
from scripts.move_clinic import Move
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError
from tests.support.long import long

SECONDS = 0.5
SHORT: dict[str, Any] = {
    "seed": "short",
    "slots": 50,
    "pause": 0.1,
    # A machine may be slow: nothing fails because a pause takes longer than that of a real move.
    "longest_pause": 60,
    "answer_timeout": 60,
}


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Cluster, Cluster]]:
    """A server with TEMPLATE, and an empty one. Commits are synchronous."""
    more = {"synchronous_commit": "on", "wal_writer_delay": "10ms"}
    settings = THROWAWAY_SETTINGS | more | drill.SETTINGS
    with deployed_cluster(settings) as old:
        lead = "completion_lead = '1000 years'"
        old.sql(f"update app.clinic_settings set {lead}", TEMPLATE)
        new = Cluster(old.base / "new", settings)
        new.start()
        try:
            yield old, new
        finally:
            new.stop()


def test_clinic_that_moves_under_load_loses_nothing(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    result = drill.run(*servers, tmp_path, seconds=SECONDS, **SHORT)
    assert result.violations == {}
    assert result.faults == []
    assert result.replays and result.sequences, "keys and sequences were not tried"


@long
@pytest.mark.parametrize("build", broken.BUILDS, ids=lambda build: build.move.__name__)
def test_broken_move_is_caught(
    servers: tuple[Cluster, Cluster], tmp_path: Path, build: broken.Broken
) -> None:
    ways = SHORT | {"answer_timeout": 5, "kind": build.move}
    result = drill.run(*servers, tmp_path, seconds=SECONDS, **ways)
    assert any(map(build.catches, all_found(result))), all_found(result)


class Interrupted(Move):
    """Stops when PgBouncer knows the new place already."""

    def resume(self) -> None:
        raise CommandError("interrupted")


class WithoutItsMap(Interrupted):
    """Cannot restore the map when it stops."""

    def resume(self) -> None:
        for map_ in self.maps:
            map_.file = map_.file / "missing"
        super().resume()


class Killed(Interrupted):
    """Stops there, and takes nothing back."""

    def go_back(self) -> None:
        pass


@long
@pytest.mark.parametrize("kind", [Interrupted, Killed])
def test_move_that_stops_before_its_end_leaves_the_clinic_where_it_was(
    servers: tuple[Cluster, Cluster], tmp_path: Path, kind: type[Move]
) -> None:
    old, new = servers
    with drill.scene_of(old, new, tmp_path, **SHORT) as scene:
        with scene.at_work():
            with pytest.raises(CommandError, match="interrupted"):
                scene.move(kind).run()
            if kind is Killed:
                scene.move().take_back()
            time.sleep(SECONDS)
        assert scene.violations() == {}
        assert drill.failed(scene.moves) + drill.failed(scene.stays) == []
    assert drill.left_over(old, new) == []
    assert MOVES not in new.sql("select datname from pg_database").split()


@long
def test_command_moves_a_clinic_and_takes_back_none_that_has_moved(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    old, new = servers
    with drill.scene_of(old, new, tmp_path, **SHORT) as scene:
        command = (
            *(sys.executable, "-m", "scripts.move_clinic", MOVES),
            *("--from", old.url(MOVES), "--to", new.url(MOVES), "--longest-pause", "60"),
            *("--pooler", scene.pooler.console, "--map", str(scene.pooler.map)),
        )

        def ask(*more: str) -> subprocess.CompletedProcess[str]:
            environment = new.environment()
            return subprocess.run(
                (*command, *more), cwd=CHECKOUT, env=environment, capture_output=True, text=True
            )

        moved = ask()
        assert (moved.returncode, moved.stderr) == (0, "")
        assert f"{MOVES} is at {new.socket}; its requests waited for" in moved.stdout
        again, back = ask(), ask("--go-back")
        assert (again.returncode, back.returncode) == (1, 1)
        assert "leads to" in again.stderr
        assert "has moved already" in back.stderr
        scene.moves.clinic.ready()
        assert scene.pooler.map.read_text().count(str(new.socket)) == 1


@long
def test_copy_stays_while_a_pooler_may_lead_there(
    servers: tuple[Cluster, Cluster], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clients wait then, and write to neither."""
    old, new = servers
    with drill.scene_of(old, new, tmp_path, **SHORT) as scene:
        with pytest.raises(CommandError, match="interrupted"):
            scene.move(WithoutItsMap).run()
        assert "do it by hand: restore" in capsys.readouterr().out
        assert MOVES in new.sql("select datname from pg_database").split()
        scene.move().take_back()
        scene.moves.clinic.ready()
    assert drill.left_over(old, new) == []
    assert MOVES not in new.sql("select datname from pg_database").split()
