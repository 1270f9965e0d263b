"""The HTTP layer: it authenticates, validates shapes and calls one function of the database."""

__version__ = "0.3.0"  # of the newest release, as in pyproject.toml; a test compares all places
