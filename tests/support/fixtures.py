"""The database side of the tests: a cluster, and clones of a deployed database."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.cluster import CLUSTER_VARIABLE, TEMPLATE, deployed_cluster, has_snapshot
from scripts.server import Cluster
from scripts.system import CHECKOUT

# The slowest modules, which start first, so that the others fill the remaining time.
LONG = (
    "drills/faults/test_faults.py",
    "tests/server/test_sqitch.py",
    "drills/partitions/test_partitions.py",
    "drills/backup/test_backup.py",
    "drills/migrations/test_migrations.py",
    "tests/properties/test_properties.py",
    "drills/mutants/test_mutants.py",
    "drills/storm/test_storm.py",
    "drills/fuzz/test_fuzz.py",
    "tests/security/test_password_strength.py",
    "tests/server/test_restart.py",
    "tests/server/test_tokens.py",
    "tests/server/test_worker.py",
)
FEW = 3  # for so few modules, starting more processes takes longer than it saves


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The number of pytest processes; 0 (no extra process) for few modules, with -k or with -s."""
    paths = [Path(argument.partition("::")[0]) for argument in config.args]
    modules = {m for path in paths for m in (path.rglob("test_*.py") if path.is_dir() else [path])}
    if config.option.keyword or config.option.capture == "no" or len(modules) <= FEW:
        return 0
    return min(len(os.sched_getaffinity(0)) + 1, len(modules))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the slow modules first if several processes share the tests."""
    if hasattr(config, "workerinput"):
        places = {CHECKOUT / module: place for place, module in enumerate(LONG)}
        items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running server with the deployed database `telemed_template`, which tests do not change.

    Each process of `make test` has a copy of one deployed cluster; pytest alone deploys one itself.
    """
    if (base := os.environ.get(CLUSTER_VARIABLE)) and not has_snapshot(Path(base)):
        yield Cluster(Path(base))
        return
    with deployed_cluster() as own:
        yield own


@pytest.fixture(scope="session")
def new_database(cluster: Cluster) -> Callable[[], str]:
    """Makes a fresh deployed database (a tenth of a second) and returns its name."""
    numbers = itertools.count(1)

    def make() -> str:
        name = f"telemed_{os.getpid()}_{next(numbers)}"
        cluster.create_database(name, TEMPLATE)
        # Tests complete and join consultations at any time. tests/resources/test_consultations.py
        # and tests/resources/test_video.py test the real rules.
        lead = "completion_lead = '1000 years', video_lead = '1000 years'"
        cluster.sql(f"update app.clinic_settings set {lead}", name)
        return name

    return make


@pytest.fixture(scope="session")
def database(cluster: Cluster, new_database: Callable[[], str]) -> str:
    """The name of a database that the tests of one run share.

    Failed log-ins are not throttled there: tests/security/test_log_in_throttling.py has a database
    of its own.
    """
    name = new_database()
    cluster.sql("update app.log_in_limits set free_attempts = 1000000", name)
    return name
