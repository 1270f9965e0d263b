"""Access tokens (JWT, RFC 7519; profile RFC 9068) and who may call a route."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID, uuid4

import jwt
from flask import g, request

from api import limits
from api.config import Settings, current
from api.errors import Problem

ROLES = ("admin", "doctor", "patient")
TYPE = "at+jwt"
LEEWAY_SECONDS = 10  # how far two clocks may be apart
REQUIRED_CLAIMS = ["iss", "aud", "exp", "iat", "sub", "jti", "role", "sid"]

View = TypeVar("View", bound=Callable[..., Any])


def issue(settings: Settings, user_id: str, role: str, session_id: str) -> str:
    """An access token for one user in one role; it expires with the settings' minutes."""
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
    return jwt.encode(claims, settings.secret_key, settings.algorithm, headers={"typ": TYPE})


def verify(settings: Settings, token: str) -> dict[str, Any]:
    """The claims of an access token that we issued and that is in force.

    Raises jwt.InvalidTokenError.
    """
    # PyJWT does not look at `typ` (RFC 9068, section 4).
    if jwt.get_unverified_header(token).get("typ") != TYPE:
        raise jwt.InvalidTokenError("not an access token")
    claims: dict[str, Any] = jwt.decode(
        token,
        settings.secret_key,
        algorithms=[settings.algorithm],
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        leeway=LEEWAY_SECONDS,
        options={"require": REQUIRED_CLAIMS, "strict_aud": True},
    )
    if claims["role"] not in ROLES or not _are_uuids(claims["sub"], claims["sid"]):
        raise jwt.InvalidTokenError("claims of another kind")
    return claims


def signed_in(*roles: str) -> Callable[[View], View]:
    """Let only signed-in users call a view, and of those only `roles` if any are given.

    Stands directly below the route, so that nothing is read from strangers. Answers 401 (RFC 6750,
    section 3) or 403.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def protected(*args: Any, **kwargs: Any) -> Any:
            limits.after(_authenticate)
            if roles and g.role not in roles:
                raise Problem(403, f"This is for the role {' or '.join(roles)}.", code="TM301")
            return view(*args, **kwargs)

        protected._roles = roles or ROLES  # type: ignore[attr-defined]  # for the document
        return protected  # type: ignore[return-value]

    return decorate


def _authenticate() -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(401, "Sign in and send the access token.", code="TM101")
    try:
        claims = verify(current(), token)
    except jwt.InvalidTokenError:
        raise Problem(
            401,
            "The access token is not valid, or no longer.",
            code="TM101",
            headers={"WWW-Authenticate": 'Bearer realm="telemedicine", error="invalid_token"'},
        ) from None
    g.user_id, g.role, g.session_id = claims["sub"], claims["role"], claims["sid"]


def _are_uuids(*values: object) -> bool:
    try:
        return all(str(UUID(str(value))) == value for value in values)
    except ValueError:
        return False
