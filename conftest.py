"""The fixtures of all tests: those of tests/ and the short forms in drills/."""

pytest_plugins = ("tests.support.fixtures", "tests.support.people")
