"""Tests that would take too much of `make test`: `LONG=1 make test` runs them, too."""

import os

import pytest

LONG = "LONG" in os.environ
long = pytest.mark.skipif(not LONG, reason="takes long: LONG=1 make test")
