"""The header Prefer (RFC 7240): whether a client wants the body of an answer to a change."""

from functools import lru_cache

from werkzeug.http import parse_list_header

MINIMAL = "return=minimal"


@lru_cache
def wants_minimal(prefer: str) -> bool:
    """Whether the header Prefer has return=minimal. The first of two preferences counts."""
    for preference in parse_list_header(prefer):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "return":
            return value.strip().strip('"').lower() == "minimal"
    return False
