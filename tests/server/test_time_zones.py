"""Time zone data of PostgreSQL and of Python: their releases and their differences."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import psycopg
import pytest

from api import config, time_zones
from api.time_zones import Comparison, Watch
from scripts.server import Cluster
from tests.support.client import Client
from tests.support.server import environment, run_command

SAME = Comparison("2026f", "2026f", ())
DIFFERENT = Comparison("2025b", "2026f", ("America/Havana",))


@pytest.fixture
def settings(cluster: Cluster, database: str) -> config.Settings:
    return config.load(environment(cluster.url(database, "telemed_api")))


def test_tzdata_package_has_every_law_of_the_database(cluster: Cluster, database: str) -> None:
    with psycopg.connect(cluster.url(database)) as connection:
        laws = connection.execute(
            "select release, time_zone, moment, utc_offset from ops.time_zone_laws()"
        ).fetchall()
    assert max(law[0] for law in laws) <= time_zones.python_release()
    for release, name, moment, ahead in laws:
        with (resources.files("tzdata") / "zoneinfo" / name).open("rb") as file:
            zone = ZoneInfo.from_file(file)
        assert moment.astimezone(zone).utcoffset() == ahead, (release, name)


def test_postgresql_and_python_agree_except_for_known_laws(
    settings: config.Settings, cluster: Cluster, database: str
) -> None:
    comparison = time_zones.compare(settings)
    assert comparison.python == time_zones.python_release()
    with psycopg.connect(cluster.url(database)) as connection:
        unknown = connection.execute(
            "select time_zone from ops.time_zone_laws()"
            " where known_offset <> utc_offset and moment > now()"
        ).fetchall()
    assert {row[0] for row in unknown} <= set(comparison.differing)
    assert len(comparison.differing) < 50
    assert not {"UTC", "Asia/Tokyo"} & set(comparison.differing)


def test_zone_that_differs_within_two_years_is_found(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = time_zones.compare(settings).differing
    offset_seconds = time_zones._offset_seconds
    last = datetime.now(UTC) + timedelta(weeks=103.5)

    def changed(zone: ZoneInfo, instant: datetime) -> int:
        return offset_seconds(zone, instant) + (zone.key == "Asia/Tokyo" and instant > last)

    monkeypatch.setattr(time_zones, "_offset_seconds", changed)
    assert set(time_zones.compare(settings).differing) == {*before, "Asia/Tokyo"}


def test_warning_names_the_differing_zones() -> None:
    assert SAME.warning == ""
    assert DIFFERENT.warning == (
        "PostgreSQL's time zone data (2025b) and Python's (2026f) differ for America/Havana:"
        " upgrade the older one"
    )
    many = dataclasses.replace(DIFFERENT, differing=tuple("abcdefghij"))
    assert "differ for a, b, c, d, e, f, g, h and 2 more:" in many.warning


def test_settings_command_shows_both_time_zone_releases(
    settings: config.Settings, cluster: Cluster, database: str
) -> None:
    comparison = time_zones.compare(settings)
    shown = run_command("settings", url=cluster.url(database, "telemed_api"))
    assert shown.returncode == 0
    assert f"TIME_ZONE_DATA_OF_POSTGRESQL={comparison.postgresql}\n" in shown.stdout
    assert f"TIME_ZONE_DATA_OF_PYTHON={comparison.python}\n" in shown.stdout
    warning = f"api: warning: {comparison.warning}\n" if comparison.warning else ""
    assert shown.stderr == warning


def test_settings_command_works_without_a_database() -> None:
    shown = run_command("settings", url="postgresql:///x?host=/nowhere")
    assert shown.returncode == 0
    assert "TIME_ZONE_DATA_OF_POSTGRESQL=unknown\n" in shown.stdout
    assert f"TIME_ZONE_DATA_OF_PYTHON={time_zones.python_release()}\n" in shown.stdout
    assert shown.stderr.startswith("api: warning: cannot read the time zone data of PostgreSQL: ")


def test_metrics_show_both_time_zone_releases(stranger: Client, settings: config.Settings) -> None:
    comparison = time_zones.compare(settings)
    text = stranger.get("/metrics").text
    labels = f'postgresql="{comparison.postgresql}",python="{comparison.python}"'
    assert f"time_zone_data_info{{{labels}}} 1.0\n" in text
    assert f"time_zones_that_differ {float(len(comparison.differing))}\n" in text


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """Sets the answers of PostgreSQL, in order. Returns a stopped clock, as a list of one item."""

    def give(*results: Comparison | psycopg.Error) -> list[float]:
        clock = [1000.0]
        left = list(results)

        def compare(_settings: config.Settings) -> Comparison:
            result = left.pop(0)
            if isinstance(result, psycopg.Error):
                raise result
            return result

        monkeypatch.setattr(time_zones, "compare", compare)
        monkeypatch.setattr(time_zones, "monotonic", lambda: clock[0])
        return clock

    return give


def test_postgresql_time_zones_are_read_once_an_hour(answers: Callable[..., list[float]]) -> None:
    clock = answers(SAME, DIFFERENT)
    watch, settings = Watch(), config.Settings()
    assert watch.look(settings) == SAME
    clock[0] += 3599
    assert watch.look(settings) == SAME
    clock[0] += 1
    assert watch.look(settings) == DIFFERENT


def test_postgresql_time_zones_are_read_again_a_minute_after_a_failure(
    answers: Callable[..., list[float]],
) -> None:
    clock = answers(psycopg.OperationalError(), SAME)
    watch, settings = Watch(), config.Settings()
    assert watch.look(settings) is None
    clock[0] += 59
    assert watch.look(settings) is None
    clock[0] += 1
    assert watch.look(settings) == SAME


def test_concurrent_scrapes_read_time_zones_once(answers: Callable[..., list[float]]) -> None:
    answers(SAME)
    watch, settings = Watch(), config.Settings()
    with watch._turn:
        assert watch.look(settings) is None
    assert watch.look(settings) == SAME
