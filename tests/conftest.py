"""The database side of the tests: a cluster, and clones of a deployed database."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.cluster import CLUSTER_VARIABLE, TEMPLATE, deploy, throwaway_cluster
from scripts.server import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running server with the deployed database `telemed_template`, which stays untouched.

    `make test` passes its own; pytest alone makes one.
    """
    if base := os.environ.get(CLUSTER_VARIABLE):
        yield Cluster(Path(base))
        return
    with throwaway_cluster() as own:
        deploy(own, TEMPLATE)
        yield own


@pytest.fixture(scope="session")
def new_database(cluster: Cluster) -> Callable[[], str]:
    """Makes a fresh deployed database (a tenth of a second) and returns its name."""
    numbers = itertools.count(1)

    def make() -> str:
        name = f"telemed_{os.getpid()}_{next(numbers)}"
        cluster.create_database(name, TEMPLATE)
        # Tests complete consultations at any time; tests/test_consultations.py has the real rule.
        cluster.sql("update app.clinic_settings set completion_lead = '1000 years'", name)
        return name

    return make


@pytest.fixture(scope="session")
def database(cluster: Cluster, new_database: Callable[[], str]) -> str:
    """The name of a database that the tests of one run share.

    One may fail to log in there as often as one likes: tests/test_throttling.py has its own.
    """
    name = new_database()
    cluster.sql("update app.log_in_limits set free_attempts = 1000000", name)
    return name


# The HTTP side: a server, and people who use it.

from tests.people import *  # noqa: E402, F403
