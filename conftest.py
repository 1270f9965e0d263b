"""The fixtures of all tests: those of tests/ and the short forms in drills/."""

import pytest

pytest_plugins = ("tests.support.fixtures", "tests.support.people", "tests.support.browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drills and workers first: their modules are the longest, and none is left for the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(("drills/", "tests/worker/")))
