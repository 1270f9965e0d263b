"""Pages: templates in the language of the visit, with the headers that each page has."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel import Locale
from flask import Response, request, url_for
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api import config
from console import texts, visit
from console.texts import mark
from console.visit import LogInRequired, Refused

if TYPE_CHECKING:
    from console.forms import Form

HERE = Path(__file__).parent
# The files that pages load, by the name of their route.
FILES = {"style": HERE / "console.css", "icon": HERE / "icon.svg"}
# The menu of each role, and of a stranger: routes of the console, and their texts.
MENU = {
    "": (("doctors", mark("Doctors")),),
    "patient": (("doctors", mark("Doctors")), ("consultations", mark("My consultations"))),
    "doctor": (
        ("schedule", mark("Calendar")),
        ("consultations", mark("My consultations")),
        ("hours", mark("Weekly hours")),
        ("time_off", mark("Time off")),
        ("practice", mark("My practice")),
        ("doctors", mark("Doctors")),
    ),
    "admin": (
        ("figures", mark("Figures")),
        ("consultations", mark("Consultations")),
        ("users", mark("Accounts")),
        ("changes", mark("Audit log")),
        ("webhooks", mark("Webhooks")),
        ("system", mark("System")),
    ),
}
# What every user has beside it.
ACCOUNT_MENU = (("account", mark("Account")),)
# What a page says after a form that has led to it.
DONE = {
    "account-closed": mark("Your account is closed, and you are logged out."),
    "booked": mark("Your consultation is booked."),
    "calendar-revoked": mark("The address of your calendar has ended."),
    "cancelled": mark("The consultation is cancelled."),
    "completed": mark("The consultation is completed."),
    "ended-meanwhile": mark(
        "Your session has ended. If you have just changed your password, log in with the new one;"
        " if you have closed your account, it is closed."
    ),
    "factor-removed": mark("The second factor is removed."),
    "hours-published": mark("Your times are published."),
    "logged-out": mark("You are logged out."),
    "new-password": mark("You have a new password. Every other session has ended."),
    "not-retried": mark("No job was put back: none has failed, or the same one waits already."),
    "nothing-redelivered": mark("No event of this time has a type that the webhook gets."),
    "notifications-saved": mark("Your choice of notifications is saved."),
    "onboarded": mark("The doctor can log in."),
    "password-changed": mark("You have a new password: log in with it."),
    "ping-sent": mark("The test is on its way. Open the page again to see its outcome."),
    "practice-saved": mark("Your practice is saved."),
    "prescribed": mark("The prescription is issued."),
    "profile-saved": mark("Your profile is saved."),
    "redelivered": mark("The events are on their way again."),
    "rescheduled": mark("The consultation has a new time."),
    "reset-sent": mark(
        "If this address has an account, a message with a code is on its way to it."
    ),
    "retried": mark("The jobs are in the queue again."),
    "saved": mark("Your preferences are saved."),
    "saved-webhook": mark("The webhook is saved."),
    "sent": mark("A new message is on its way to your e-mail address."),
    "sent-to-new-address": mark("A message with a code is on its way to the new address."),
    "session-ended": mark("The session has ended."),
    "signed-up": mark("Your account is ready: log in."),
    "slot-published": mark("Your time is published."),
    "slot-withdrawn": mark("The time is not offered any more."),
    "time-off-ended": mark("The time off is removed."),
    "time-off-taken": mark("Your time off is entered."),
    "user-closed": mark("The account is closed."),
    "user-opened": mark("The account is open again."),
    "verified": mark("Your e-mail address is verified."),
    "webhook-deleted": mark("The webhook is deleted."),
}
HEADERS = {
    "Content-Security-Policy": "; ".join((
        "default-src 'self'",
        "script-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )),
    # Addresses of pages have ids of consultations. `no-referrer` would make Origin of a form null.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}  # fmt: skip


@cache
def _version_of(name: str) -> str:
    return hashlib.sha256(FILES[name].read_bytes()).hexdigest()[:12]


def _address_of(name: str) -> str:
    """The address of a file of FILES. It has a hash, so that a browser may keep the file."""
    return url_for(f"console.{name}", v=_version_of(name))


def gettext(text: str, /, **values: object) -> str:
    """A text in the language of the visit, with its values."""
    translated = texts.catalogue(visit.current().language).gettext(text)
    return translated % values if values else translated


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """A text about one or about many things, in the language of the visit."""
    translated = texts.catalogue(visit.current().language).ngettext(one, many, number)
    return translated % values


def locale() -> Locale:
    """The locale of the visit."""
    visiting = visit.current()
    me = visiting.me
    return texts.locale_of((me and me["language"]) or visiting.language)


def render(template: str, form: "Form | None" = None, /, **values: object) -> Response:
    """A page. form: its form. values: of its template, besides those that every page has."""
    status = form.status if form else 200
    return respond(template, status, viewer(), form, **values)


def respond(
    template: str,
    status: int,
    me: Mapping[str, Any] | None,
    form: "Form | None" = None,
    /,
    **values: object,
) -> Response:
    """A page for a viewer who is known, or for a stranger. It calls no API."""
    visiting = visit.current()
    body = _templates.get_template(template).render(
        me=me,
        form=form,
        language=visiting.language,
        done=gettext(DONE[done]) if (done := request.args.get("done", "")) in DONE else "",
        development=config.current().app_env == "development",
        form_token=visiting.form_token,
        style=_address_of("style"),
        icon=_address_of("icon"),
        here=(request.endpoint or "").removeprefix("console."),
        menu=MENU[str(me["role"]) if me else ""],
        account_menu=ACCOUNT_MENU,
        **values,
    )
    response = Response(body, status, content_type="text/html; charset=utf-8")
    response.headers.update(HEADERS)
    return response


def viewer() -> dict[str, Any] | None:
    """The profile of the viewer; None for a stranger, and while the API cannot say."""
    visiting = visit.current()
    if visiting.me or not visiting.has_session:
        return visiting.me
    try:
        return dict(visiting.profile().body)
    except (LogInRequired, Refused):
        return None


def _long_time(text: str) -> Markup:
    return texts.long_time(text, visit.current().zone, locale())


def _short_time(text: str) -> Markup:
    return texts.short_time(text, visit.current().zone, locale())


_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=["jinja2.ext.i18n"],
)
_templates.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension
    gettext, ngettext, newstyle=False
)
_templates.globals |= {
    "url_for": url_for,
    "by_day": lambda slots: texts.by_day(slots, visit.current().zone),
    "all_languages": lambda: texts.languages(locale()),
    "page_languages": lambda: [
        (code, Locale(code).get_display_name(code)) for code in texts.LANGUAGES
    ],
    "time_zones": texts.time_zones,
    "week_days": lambda: texts.week_days(locale()),
    "weekday_choices": lambda: texts.weekday_choices(locale()),
    "zone": lambda: visit.current().zone.key,
}
_FILTERS: dict[str, Callable[..., Any]] = {
    "long_time": _long_time,
    "short_time": _short_time,
    "day_name": lambda day: texts.day_name(day, locale()),
    "day": lambda day: texts.day_of(day, locale()),
    "date": lambda text: texts.date_of(text, locale()),
    "amount": lambda minor_units, row: texts.amount(minor_units, row, locale()),
    "month": lambda day: texts.month_of(day, locale()),
    "money": lambda row: texts.money(row, locale()),
    "moment": lambda text: texts.moment(text, visit.current().zone, locale()),
    "to_date": date.fromisoformat,
    "number": lambda value: texts.number(value, locale()),
    "percent": lambda share: texts.percent(share, locale()),
    "duration": lambda seconds: texts.duration(seconds, locale()),
    "language_name": lambda code: texts.language_name(code, locale()),
}
_templates.filters |= _FILTERS
