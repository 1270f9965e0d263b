"""The private calendar: an address for calendar applications."""

from flask import Blueprint
from werkzeug.wrappers import Response as AnyResponse

from console import page, visit
from console.forms import Form

ADDRESS = "calendar"


def add_to(blp: Blueprint) -> None:
    """Add the pages of the private calendar."""
    both = ["GET", "POST"]
    blp.add_url_rule("/account/calendar", "private_calendar", private_calendar, methods=both)
    blp.add_url_rule("/account/calendar/revoke", "revoke_calendar", revoke_calendar, methods=both)


def private_calendar() -> AnyResponse:
    """Make an address, and see it once."""
    form, visiting = Form(), visit.current()
    visiting.profile()
    if form.is_sent:
        answer = visiting.call("POST", "/v1/me/calendar")
        if form.take(answer):
            visiting.keep_once(ADDRESS, answer.body["url"])
            return form.lead_to("private_calendar")
    return page.render("private_calendar.html", form, address=visiting.take_once(ADDRESS))


def revoke_calendar() -> AnyResponse:
    """Asks, then ends the address."""
    form, visiting = Form(), visit.current()
    if form.is_sent and form.take(visiting.call("DELETE", "/v1/me/calendar")):
        return form.lead_to("private_calendar", done="calendar-revoked")
    visiting.profile()
    return page.render("revoke_calendar.html", form)
