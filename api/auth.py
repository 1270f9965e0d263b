"""Access tokens (JWT, RFC 7519; profile RFC 9068; RFC 8725), and the roles that a route allows."""

import binascii
import json
import re
import time
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

import jwt
from flask import g
from jwt.utils import base64url_decode

from api import present, rate_limits
from api.config import Settings, current
from api.errors import Problem
from api.signing_keys import Key, Keyring

ROLES = ("admin", "doctor", "patient")
TYPE = "at+jwt"
LEEWAY_SECONDS = 30  # allowed difference between two clocks
MOST_VERIFIED = 16_384  # tokens that a process remembers, about 1 KiB each
REQUIRED_CLAIMS = ["iss", "aud", "exp", "iat", "sub", "jti", "role", "sid"]
# RFC 7515, section 7.1: three non-empty parts in base64url without padding.
COMPACT = re.compile(r"([\w-]+)\.[\w-]+\.[\w-]+", re.ASCII)

View = TypeVar("View", bound=Callable[..., Any])


def issue(settings: Settings, user_id: str, role: str, session_id: str) -> str:
    """Create an access token. It is valid for ACCESS_TOKEN_EXPIRE_MINUTES."""
    now = int(time.time())
    claims = {
        "iss": settings.token_issuer,
        "aud": settings.token_audience,
        "iat": now,
        "exp": now + settings.access_token_expire_minutes * 60,
        "jti": uuid4().hex,
        "sub": user_id,
        "role": role,
        "sid": session_id,
    }
    keyring = settings.keyring
    headers = {"typ": TYPE, "kid": keyring.current.kid}
    return jwt.encode(claims, keyring.current.signing, keyring.algorithm, headers)


def verify(settings: Settings, token: str) -> dict[str, Any]:
    """The claims of an access token, if this service issued it and it is valid now.

    Raises jwt.InvalidTokenError otherwise.
    """
    key = _key(settings.keyring, token)
    claims: dict[str, Any] = _READER.decode(
        token,
        key.verifying,
        algorithms=[settings.algorithm],
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        leeway=LEEWAY_SECONDS,
        options={"require": REQUIRED_CLAIMS, "strict_aud": True},
    )
    # PyJWT accepts "7" and true as numbers. `nbf` is optional.
    times = (claims["exp"], claims["iat"], claims.get("nbf", 0))
    if not all(type(value) is int for value in times):
        raise jwt.InvalidTokenError("a time is not an integer")
    if claims["role"] not in ROLES or not _are_uuids(claims["sub"], claims["sid"]):
        raise jwt.InvalidTokenError("role, sub or sid is malformed")
    return claims


class Caller(NamedTuple):
    """The user of an access token, and the times between which it is valid, in seconds."""

    user_id: str
    role: str
    session_id: str
    not_before: int
    expires_at: int


def caller(settings: Settings, token: str) -> Caller:
    """The caller whose access token this is, if it is valid now.

    A token is verified once by each process; its times are checked every time, and the database
    checks session, account and role every time. Raises jwt.InvalidTokenError.
    """
    found = _verified(settings, token)
    if not found.not_before - LEEWAY_SECONDS <= time.time() < found.expires_at + LEEWAY_SECONDS:
        raise jwt.InvalidTokenError("the token is not valid at this time")
    return found


# Settings are compared by identity, so that a token is never taken as verified by other keys.
@lru_cache(MOST_VERIFIED)
def _verified(settings: Settings, token: str) -> Caller:
    claims = verify(settings, token)
    begins = max(claims["iat"], claims.get("nbf", 0))
    return Caller(claims["sub"], claims["role"], claims["sid"], begins, claims["exp"])


def signed_in(*roles: str) -> Callable[[View], View]:
    """Require a valid access token, and one of `roles` if any are given.

    Stands directly below the route, so that the body of an unauthenticated request is not read.
    Raises Problem 401 (RFC 6750, section 3) or 403.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def protected(*args: Any, **kwargs: Any) -> Any:
            rate_limits.after(_authenticate)
            if roles and g.role not in roles:
                detail = f"Only the role {' or '.join(roles)} may do this."
                raise Problem(403, detail, code="TM301")
            return view(*args, **kwargs)

        protected._roles = roles or ROLES  # type: ignore[attr-defined]  # for the document
        return protected  # type: ignore[return-value]

    return decorate


def signed_in_or_not(view: View) -> View:
    """Accept requests with and without a valid access token.

    Without one, the view finds the Problem 401 in g.refusal.
    """

    @wraps(view)
    def recognised(*args: Any, **kwargs: Any) -> Any:
        try:
            rate_limits.after(_authenticate)
        except Problem as problem:
            if problem.status != 401:
                raise
            g.refusal = problem
        return view(*args, **kwargs)

    recognised._roles = ROLES  # type: ignore[attr-defined]  # for the document
    recognised._needs_no_token = True  # type: ignore[attr-defined]
    return recognised  # type: ignore[return-value]


def _authenticate() -> None:
    scheme, _, token = present.request().headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(
            401, "Log in and send the access token in the header Authorization.", code="TM101"
        )
    try:
        found = caller(current(), token)
    except jwt.InvalidTokenError:
        raise Problem(
            401,
            "The access token is not valid or has expired: refresh it or log in.",
            code="TM101",
            headers={"WWW-Authenticate": 'Bearer realm="telemedicine", error="invalid_token"'},
        ) from None
    g = present.variables()
    g.user_id, g.role, g.session_id = found.user_id, found.role, found.session_id


def _key(keyring: Keyring, token: str) -> Key:
    """The key that the header of a token names.

    A header has exactly the parameters typ, alg and kid: a token with `crit`, `jwk`, `jku`, `x5c`
    or `zip` is refused.
    """
    compact = COMPACT.fullmatch(token)
    if not compact:
        raise jwt.InvalidTokenError("the token does not have three parts")
    try:
        header = _json_object(base64url_decode(compact[1]))
    except binascii.Error:
        raise jwt.InvalidTokenError("the header is not base64url") from None
    kid = header.get("kid")
    key = keyring.find(kid)
    if key is None or header != {"typ": TYPE, "alg": keyring.algorithm, "kid": kid}:
        raise jwt.InvalidTokenError("the header is not one of this service")
    return key


def _json_object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text.decode(), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):  # ValueError: not UTF-8, not JSON, or a duplicate name
        raise jwt.InvalidTokenError("not JSON") from None
    if not isinstance(found, dict):
        raise jwt.InvalidTokenError("not an object")
    return found


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object whose names are unique (RFC 7515 and RFC 7519, both section 4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _are_uuids(*values: object) -> bool:
    try:
        return all(str(UUID(str(value))) == value for value in values)
    except ValueError:
        return False


class _Reader(jwt.PyJWT):
    """Refuses two claims with one name; PyJWT takes the last one (RFC 8725, section 2.4)."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        return _json_object(decoded["payload"])


_READER = _Reader()
