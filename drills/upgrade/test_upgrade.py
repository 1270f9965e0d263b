"""The short forms: pg_upgrade, and a switch by logical replication between two servers.

They take more than a minute: LONG=1 make test ONLY=python ARGS=drills/upgrade
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.upgrade import in_place, switch
from scripts.cluster import TEMPLATE, THROWAWAY_SETTINGS, deployed_cluster
from scripts.server import Cluster
from scripts.system import CommandError, installation
from tests.support.long import long

pytestmark = long

NEWER = "18"


@pytest.fixture
def old() -> Iterator[Cluster]:
    # The wheel of a newer version has no plpgsql_check.
    more = {"synchronous_commit": "on", "shared_preload_libraries": "pg_stat_statements"}
    settings = THROWAWAY_SETTINGS | more | switch.SETTINGS
    with deployed_cluster(settings) as cluster:
        lead = "completion_lead = '1000 years'"
        cluster.sql(f"update app.clinic_settings set {lead}", TEMPLATE)
        yield cluster


def test_switch_by_logical_replication_and_back_breaks_no_rule(
    old: Cluster, tmp_path: Path
) -> None:
    new = Cluster(old.base / "new", old.settings)
    new.start()
    try:
        result = switch.switch_and_back(
            old, new, tmp_path, rounds=1, seconds=0.5, seed="short", thorough=False
        )
    finally:
        new.stop()
    assert result.violations == {}
    assert result.faults == []
    assert all(result.moved), "no sequence was behind: the switch was not tried"


def test_pg_upgrade_under_load_breaks_no_rule(old: Cluster, tmp_path: Path) -> None:
    if old.version == NEWER or not is_installed(NEWER):
        pytest.skip(f"there is no PostgreSQL {NEWER} beside: `make setup PG={NEWER}`")
    result = in_place.upgrade(old, NEWER, tmp_path, seconds=0.5, seed="short", thorough=False)
    assert result.violations == {}
    assert result.faults == []


def is_installed(version: str) -> bool:
    try:
        return bool(installation(version))
    except CommandError:
        return False
