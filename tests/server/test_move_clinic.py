"""scripts.move_clinic reads and writes the map of PgBouncer. drills/move moves a clinic."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.move_clinic import Move
from scripts.pgbouncer import Map, Place
from scripts.system import CommandError

TEXT = """\
[databases]
; berlin = host=old.example dbname=telemed_berlin
berlin2 = host=db1.example dbname=telemed_berlin2
  berlin   = host=db1.example dbname=telemed_berlin pool_size=20 connect_query='select 1'
lima = host=db1.example port=5433
"""
OLD, NEW = Place("db1.example", "5432", "telemed_berlin"), Place("db2.example", "5433", "two")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "map.ini"
    path.write_text(TEXT)
    return path


def test_map_has_the_place_of_a_clinic_with_defaults(file: Path) -> None:
    assert Map(file, "berlin").place == OLD
    assert Map(file, "lima").place == Place("db1.example", "5433", "lima")


def test_map_that_leads_to_another_place_keeps_everything_else(file: Path) -> None:
    Map(file, "berlin").lead_to(NEW)
    before = "host=db1.example dbname=telemed_berlin pool_size=20 connect_query='select 1'"
    after = "host=db2.example port=5433 dbname=two pool_size=20 connect_query='select 1'"
    assert file.read_text() == TEXT.replace(before, after)
    assert Map(file, "berlin").place == NEW


def test_map_that_has_changed_meanwhile_keeps_the_change(file: Path) -> None:
    known = Map(file, "berlin")
    file.write_text(TEXT + "rome = host=db3.example\n")
    known.lead_to(NEW)
    assert Map(file, "rome").place == Place("db3.example", "5432", "rome")
    known.lead_to(OLD)
    assert Map(file, "berlin").place == OLD


@pytest.mark.parametrize(("name", "lines"), [("rome", 0), ("berlin", 2)])
def test_map_without_exactly_one_line_for_the_clinic_is_refused(
    file: Path, name: str, lines: int
) -> None:
    file.write_text(TEXT + "berlin = host=db9.example\n")
    with pytest.raises(CommandError, match=f"one line for {name}, and has {lines}"):
        Map(file, name)


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("postgresql://db9.example/telemed_berlin", "postgresql://b/telemed_berlin", "leads to"),
        ("postgresql://db1.example/telemed_berlin", "postgresql://b/other", "the same name"),
        ("postgresql://db1.example/a", "postgresql://db1.example/a", "the same name"),
    ],
)
def test_move_between_the_wrong_servers_is_refused_before_any_connection(
    file: Path, source: str, target: str, reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        Move("berlin", source, target, poolers=["postgresql://nowhere"], maps=[file]).run()
