"""Who is calling, with a proof that the database believes: see app.proven_context."""

import hashlib
import hmac
import time
from functools import lru_cache

VALID_SECONDS = 60  # longer than a request takes, and two clocks are apart


def sign(key: str, user_id: str, role: str, session_id: str, request_id: str) -> str:
    """The proof of a context: key id|session id|end of validity|HMAC-SHA-256 (RFC 2104).

    user_id, role and session_id are empty for somebody who is not signed in. The end is in seconds
    since 1970.
    """
    valid = int(time.time()) + VALID_SECONDS
    message = f"{session_id}|{valid}|{user_id}|{role}|{request_id}"
    digest = hmac.digest(key.encode(), message.encode(), "sha256")
    return f"{key_id(key)}|{session_id}|{valid}|{digest.hex()}"


@lru_cache
def key_id(key: str) -> str:
    """The name under which the database keeps a key: see ops.add_context_key."""
    return hashlib.sha256(b"context key " + key.encode()).hexdigest()[:16]
