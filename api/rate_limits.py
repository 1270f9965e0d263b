"""Rate limits per user, or per address before log-in. Requests over the limit get 429.

A request counts for a user only after its access token was verified. So a forged token neither uses
up the requests of another user nor gets new ones for its sender.
"""

import time
from collections.abc import Callable
from functools import wraps
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from flask import Flask, Response, current_app, request
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import storage_from_string
from werkzeug.middleware.proxy_fix import ProxyFix

from api import present
from api.config import IN_MEMORY, Settings
from api.counter import Counter
from api.errors import Problem
from api.logs import log

View = TypeVar("View", bound=Callable[..., Any])

# draft-ietf-httpapi-ratelimit-headers-06, the last draft with a header for each value.
HEADERS = {
    "RateLimit-Limit": "requests that the present window of time allows",
    "RateLimit-Remaining": "requests that are left in it",
    "RateLimit-Reset": "seconds until the next window begins",
}
AUTH_PREFIX = "/v1/auth/"  # routes that need no access token
STORE_TIMEOUT_SECONDS = 1.0
RETRY_SECONDS = 10.0  # between two attempts at a store that has failed
NETWORK_BITS = 64  # of IPv6: the smallest network that a household gets (RFC 6177, section 2)


def client_address() -> str:
    """The client address of the present request, for counting: IPv4, or the /64 network of IPv6.

    Behind TRUSTED_PROXIES it is the address that the outermost trusted proxy saw; a client cannot
    choose it. "unknown" if that is not an address, as behind a Unix socket.
    """
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    # A server that listens on IPv6 and IPv4 gets IPv4 addresses in mapped form.
    return str(address.ipv4_mapped or ip_network((int(address), NETWORK_BITS), strict=False))


def after(authenticate: Callable[[], None]) -> None:
    """Call `authenticate`, then count the request: for the user, or for the address if it failed.

    Raises Problem 429 over the limit, otherwise what `authenticate` raises.
    """
    try:
        authenticate()
    finally:
        user = present.variables().get("user_id")
        caller = f"user/{user}" if user else f"address/{client_address()}"
        _count("requests", caller)


def counted_by_address(view: View) -> View:
    """Count the requests of a route that needs no access token, for the address of the client.

    Stands directly below the route. Raises Problem 429 over the limit.
    """

    @wraps(view)
    def counted(*args: Any, **kwargs: Any) -> Any:
        _count("requests", f"address/{client_address()}")
        return view(*args, **kwargs)

    counted._is_counted = True  # type: ignore[attr-defined]  # for the document
    return counted  # type: ignore[return-value]


def register(app: Flask, settings: Settings) -> None:
    """Count the requests of `app`. Read client addresses behind TRUSTED_PROXIES."""
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0
        )
    app.extensions["request_counts"] = _Counts(settings.rate_limit_storage_url)
    app.extensions["rates"] = {
        "requests": parse_many(settings.rate_limit) if settings.rate_limit else [],
        "auth": parse_many(settings.rate_limit_auth) if settings.rate_limit_auth else [],
    }
    app.before_request(_count_auth)
    app.after_request(_add_headers)


class Store(Protocol):
    """Keeps counts."""

    def incr(self, key: str, expiry: int) -> int:
        """Add one to the count of `key`, which is kept for `expiry` seconds. Returns the count."""


class Allowance(NamedTuple):
    """The values of HEADERS."""

    limit: int
    remaining: int
    reset: int


def _count_auth() -> None:
    if present.request().path.startswith(AUTH_PREFIX):
        _count("auth", f"address/{client_address()}")


def _count(kind: str, caller: str) -> None:
    g, extensions = present.variables(), current_app.extensions
    rates: list[RateLimitItem] = extensions["rates"][kind]
    counts: _Counts = extensions["request_counts"]
    for rate in rates:
        seconds = rate.get_expiry()
        # Fixed windows: one increment per request, and the end of the window needs no query.
        window, elapsed = divmod(int(time.time()), seconds)
        used = counts.incr(f"{kind}/{seconds}/{window}/{caller}", seconds)
        left = Allowance(rate.amount, max(0, rate.amount - used), seconds - elapsed)
        if "allowance" not in g or left.remaining <= g.allowance.remaining:
            g.allowance = left
        if used > rate.amount:
            raise Problem(
                429,
                f"More than {rate.amount} requests in {seconds} seconds. Wait for the seconds"
                " of the header Retry-After.",
                headers={"Retry-After": str(left.reset)},
            )


def _add_headers(response: Response) -> Response:
    if allowance := present.variables().get("allowance"):
        response.headers.extend(zip(HEADERS, map(str, allowance), strict=True))
    return response


class _Counts:
    """Counts in the shared store, or in memory if there is no store or it fails.

    The memory belongs to one process, so each process allows as many requests.
    """

    def __init__(self, url: str) -> None:
        self._memory = Counter()
        self._shared = None if url == IN_MEMORY else _shared(url)
        self._failed = False
        self._retries_at = 0.0

    def incr(self, key: str, expiry: int) -> int:
        now = time.monotonic()
        if self._shared is None or now < self._retries_at:
            return self._memory.incr(key, expiry)
        if self._failed:  # only this request tries the store again: no other one waits for it
            self._retries_at = now + RETRY_SECONDS
        try:
            used = self._shared.incr(key, expiry)
        except (StorageError, OSError) as error:
            self._failed, self._retries_at = True, now + RETRY_SECONDS
            cause = getattr(error, "storage_error", error)
            log.warning("limits", counted="in memory", error=type(cause).__name__)
            return self._memory.incr(key, expiry)
        if self._failed:
            self._failed, self._retries_at = False, 0.0
            log.warning("limits", counted="in the store again")
        return used


def _shared(url: str) -> Store:
    options: dict[str, Any] = {}
    if url.startswith(("redis", "valkey")):
        options = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), STORE_TIMEOUT_SECONDS)
    if url.startswith("redis"):
        # Imported here: every start and every command without Redis saves a tenth of its time.
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options["retry"] = Retry(NoBackoff(), 0)  # by default it retries for seconds
    return cast(Store, storage_from_string(url, wrap_exceptions=True, **options))
