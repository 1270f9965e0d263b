"""Lists of the REST API on a page, with the filters that its address names."""

from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from flask import request

from console import visit
from console.forms import Form
from console.page import gettext
from console.visit import Refused

ROWS_OF_PAGE = 25


class Filters:
    """The filters of a list, as a form that is sent by GET."""

    def __init__(self, *names: str, **defaults: str) -> None:
        self.chosen = defaults | {
            name: value for name in names if (value := request.args.get(name, "").strip())
        }
        self.cursor = request.args.get("cursor", "")
        self.form = Form(**self.chosen)  # type: ignore[arg-type]  # no field is called so

    def page_of(self, path: str, **query: object) -> dict[str, Any]:
        """A page of a list. It is empty if the API refuses a filter, which the form then says.

        query: parameters instead of what was chosen. Raises LogInRequired or Refused.
        """
        found = self.read(path, **{"cursor": self.cursor, "limit": ROWS_OF_PAGE, **query})
        return found or {"items": [], "next_cursor": None}

    def read(self, path: str, **query: object) -> dict[str, Any] | None:
        """What the API answers to the filters; None if it refuses one, which the form then says.

        query: parameters instead of what was chosen. Raises LogInRequired or Refused.
        """
        if self.form.refusal:
            return None
        answer = visit.current().call("GET", path, query={**self.chosen, **query})
        if self.form.take(answer):
            found: dict[str, Any] = answer.body
            return found
        if answer.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise Refused(answer)
        return None

    @property
    def days(self) -> dict[str, str | None]:
        """`from` and `to`, days of the viewer's clocks, as instants; both days are included."""
        first, last = self._midnight("from"), self._midnight("to", days_later=1)
        return {
            "from": first.isoformat() if first else None,
            "to": last.isoformat() if last else None,
        }

    def _midnight(self, name: str, *, days_later: int = 0) -> datetime | None:
        """The beginning of a chosen day; None without one. The form says if it is no day."""
        chosen = self.chosen.get(name, "")
        found = midnight(chosen, visit.current().zone, days_later=days_later)
        if chosen and not found:
            self.form.refuse(name, gettext("Enter a day."))
        return found


def midnight(day: str, zone: ZoneInfo, *, days_later: int = 0) -> datetime | None:
    """The beginning of a day by the clocks of a zone; None if the text is no day."""
    try:
        found = date.fromisoformat(day) + timedelta(days=days_later)
        return datetime.combine(found, time(), zone)
    except (ValueError, OverflowError):
        return None
