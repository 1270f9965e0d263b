"""How many requests a user may send, or an address that is nobody's yet; more hear 429.

Whoever signs in is counted after the access token has been verified: nobody spends the requests of
somebody else, or gets new ones with tokens of their own making.
"""

import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple, Protocol, cast

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import storage_from_string
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.middleware.proxy_fix import ProxyFix

from api.config import IN_MEMORY, Settings
from api.counter import Counter
from api.errors import Problem
from api.logs import log

# Of draft-ietf-httpapi-ratelimit-headers-06, the last one with a field for each.
HEADERS = {
    "RateLimit-Limit": "how many requests a window of time has room for",
    "RateLimit-Remaining": "how many of them are left",
    "RateLimit-Reset": "seconds until the next window begins",
}
SIGN_INS = "/v1/auth/"  # where strangers may call
PATIENCE_SECONDS = 1.0  # with a store that says nothing
REST_SECONDS = 10.0  # from a store that has failed
NETWORK_BITS = 64  # of IPv6, what a household gets at least (RFC 6177, section 2)


def client_address() -> str:
    """The address that the present request came from, to count by; of IPv6, its /64 network.

    Behind TRUSTED_PROXIES it is what the outermost of them saw, never an address that a client has
    chosen. "unknown" when that is no address, as behind a Unix socket.
    """
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    # A server that listens for both kinds sees IPv4 in the mapped form.
    return str(address.ipv4_mapped or ip_network((int(address), NETWORK_BITS), strict=False))


def after(authenticate: Callable[[], None]) -> None:
    """Authenticate, and count the request either way: for the user, or for the address.

    Raises what `authenticate` raises, or Problem 429 instead.
    """
    try:
        authenticate()
    finally:
        user = g.get("user_id")
        caller = f"user/{user}" if user else f"address/{client_address()}"
        _count("requests", caller)


def register(app: Flask, settings: Settings) -> None:
    """Count the requests of `app`, and let it know its clients behind proxies."""
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0
        )
    app.extensions["request_counts"] = _Counts(settings.rate_limit_storage_url)
    app.extensions["rates"] = {
        "requests": parse_many(settings.rate_limit) if settings.rate_limit else [],
        "sign-ins": parse_many(settings.rate_limit_auth) if settings.rate_limit_auth else [],
    }
    app.before_request(_count_sign_ins)
    app.after_request(_tell)


class Incrementing(Protocol):
    """What is asked of a store of counts."""

    def incr(self, key: str, expiry: int) -> int:
        """Add one to what is counted under `key`, for `expiry` seconds; returns the sum."""


class Allowance(NamedTuple):
    """What is left of a rate: the values of HEADERS."""

    limit: int
    remaining: int
    reset: int


def _count_sign_ins() -> None:
    if request.path.startswith(SIGN_INS):
        _count("sign-ins", f"address/{client_address()}")


def _count(what: str, caller: str) -> None:
    rates: list[RateLimitItem] = current_app.extensions["rates"][what]
    counts: _Counts = current_app.extensions["request_counts"]
    for rate in rates:
        seconds = rate.get_expiry()
        # A fixed window: one addition for each request, and its end is known without asking.
        window, gone = divmod(int(time.time()), seconds)
        used = counts.incr(f"{what}/{seconds}/{window}/{caller}", seconds)
        left = Allowance(rate.amount, max(0, rate.amount - used), seconds - gone)
        if "allowance" not in g or left.remaining <= g.allowance.remaining:
            g.allowance = left
        if used > rate.amount:
            raise Problem(
                429,
                f"More than {rate.amount} requests in {seconds} seconds. Try again later.",
                headers={"Retry-After": str(left.reset)},
            )


def _tell(response: Response) -> Response:
    if "allowance" in g:
        response.headers.update(zip(HEADERS, map(str, g.allowance), strict=True))
    return response


class _Counts:
    """Counts in the store that instances share; in memory if there is none or it does not answer.

    Each process has a memory of its own.
    """

    def __init__(self, url: str) -> None:
        self._memory = Counter()
        self._shared = None if url == IN_MEMORY else _shared(url)
        self._failed = False
        self._rests_until = 0.0

    def incr(self, key: str, expiry: int) -> int:
        now = time.monotonic()
        if self._shared is None or now < self._rests_until:
            return self._memory.incr(key, expiry)
        if self._failed:  # this request finds out whether it still does, and no other has to wait
            self._rests_until = now + REST_SECONDS
        try:
            used = self._shared.incr(key, expiry)
        except (StorageError, OSError) as error:
            self._failed, self._rests_until = True, now + REST_SECONDS
            cause = getattr(error, "storage_error", error)
            log.warning("limits", counted="in memory", error=type(cause).__name__)
            return self._memory.incr(key, expiry)
        if self._failed:
            self._failed, self._rests_until = False, 0.0
            log.warning("limits", counted="in the store again")
        return used


def _shared(url: str) -> Incrementing:
    options: dict[str, Any] = {}
    if url.startswith(("redis", "valkey")):
        options = {"socket_timeout": PATIENCE_SECONDS, "socket_connect_timeout": PATIENCE_SECONDS}
    if url.startswith("redis"):
        options["retry"] = Retry(NoBackoff(), 0)  # by default it goes on for seconds
    return cast(Incrementing, storage_from_string(url, wrap_exceptions=True, **options))
