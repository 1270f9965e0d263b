"""The context that the API sends with each statement, for tests through SQL."""

from __future__ import annotations

from api import context
from scripts.cluster import THROWAWAY_CONTEXT_KEY


def values(user_id: str, role: str, request_id: str, session_id: str) -> tuple[str, str, str, str]:
    """The values of api.db.CONTEXT, signed."""
    signature = context.sign(THROWAWAY_CONTEXT_KEY, user_id, role, session_id, request_id)
    return user_id, role, request_id, signature
