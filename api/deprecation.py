"""The end of a route: the headers Deprecation (RFC 9745) and Sunset (RFC 8594)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import wraps
from typing import Any, TypeVar

from werkzeug.http import http_date

from api import present

View = TypeVar("View", bound=Callable[..., Any])


def deprecated(*, since: date, sunset: date, successor: str) -> Callable[[View], View]:
    """Mark a route as deprecated, in its answers and in the OpenAPI document.

    Stands directly below the route, so that refusals have the headers, too. since: the day from
    which it should not be used. sunset: the day from which it may be gone. successor: the address
    that replaces it (RFC 5829, section 3.2). docs/rest.md has the policy.
    """
    headers = [
        ("Deprecation", f"@{int(_midnight(since).timestamp())}"),
        ("Sunset", http_date(_midnight(sunset))),
        ("Link", f'<{successor}>; rel="successor-version"'),
    ]

    def decorate(view: View) -> View:
        @wraps(view)
        def marked(*args: Any, **kwargs: Any) -> Any:
            present.variables().deprecation = headers
            return view(*args, **kwargs)

        marked._deprecated = True  # type: ignore[attr-defined]  # for the document
        return marked  # type: ignore[return-value]

    return decorate


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
