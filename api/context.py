"""The context signature, by which the database verifies who is calling: app.proven_context."""

import hashlib
import hmac
import time
from functools import lru_cache

VALID_SECONDS = 60  # longer than a request takes and than two clocks differ


def sign(key: str, user_id: str, role: str, session_id: str, request_id: str) -> str:
    """Sign a context: key id|session id|end of validity|HMAC-SHA-256 (RFC 2104) in hex.

    user_id, role and session_id are empty for a caller without an access token. The end of validity
    is in seconds since 1970.
    """
    valid = int(time.time()) + VALID_SECONDS
    message = f"{session_id}|{valid}|{user_id}|{role}|{request_id}"
    digest = hmac.digest(key.encode(), message.encode(), "sha256")
    return f"{key_id(key)}|{session_id}|{valid}|{digest.hex()}"


@lru_cache
def key_id(key: str) -> str:
    """The name by which the database finds a context key: ops.add_context_key."""
    return hashlib.sha256(b"context key " + key.encode()).hexdigest()[:16]
