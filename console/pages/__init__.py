"""The pages, one module per noun. console.register adds those of each module."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from console import page, visit
from console.visit import LogInRequired, Refused

# Characters of an address in the query of another one, where each takes up to nine bytes: a longer
# one would be refused (limit_request_line in gunicorn.conf.py).
LONGEST_ADDRESS = 800
NEXT_ONES = 3
# The first page of those who are no patients.
FIRST_PAGES = {"doctor": "schedule", "admin": "figures"}
LANDING = "/"  # after a form that was opened from no other page


def home() -> AnyResponse:
    """The first page: the search for a doctor, and what is next; other roles have one of theirs."""
    viewer = page.viewer()
    role = viewer["role"] if viewer else ""
    if role in FIRST_PAGES:
        return redirect(url_for(f"console.{FIRST_PAGES[role]}"), 303)
    return page.render("home.html", upcoming=_upcoming() if role == "patient" else [])


def _upcoming() -> list[dict[str, Any]]:
    """The next consultations; none while the API cannot say, because this page is always shown."""
    now = datetime.now(UTC).isoformat()
    query = {"status": "scheduled", "from_": now, "order": "starts_at", "limit": NEXT_ONES}
    try:
        items: list[dict[str, Any]] = visit.current().get("/v1/consultations", **query)["items"]
    except (LogInRequired, Refused):
        return []
    return items


def log_in_address(next_address: str) -> str:
    """The address of the log-in that leads to `next_address` afterwards."""
    return "/log-in?" + urlencode({"next": next_address})


def following(default: str = LANDING) -> str:
    """The page that a form was opened from, and leads to."""
    return own_address(request.values.get("next", ""), default)


def own_address(given: str, default: str) -> str:
    """An address of this site that somebody has given; `default` for any other one."""
    # A browser takes a backslash for a slash, and //host or /\\host for another host.
    is_path = given.startswith("/") and not given.startswith("//") and "\\" not in given
    return given if is_path and given.isprintable() and len(given) <= LONGEST_ADDRESS else default
