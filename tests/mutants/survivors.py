"""Mutants that no test can notice, or need not, and why."""

from __future__ import annotations

import re

from tests.mutants.catalog import Mutant

# A pattern for the names of mutants, and the reason.
REASONS: tuple[tuple[str, str], ...] = ()


def explanation(mutant: Mutant) -> str:
    """Why it may survive; empty when nobody has said."""
    return next((why for pattern, why in REASONS if re.search(pattern, mutant.name)), "")
