"""The schedule of a doctor: the calendar, weekly hours, and single slots."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from console import clocks, page, texts, visit
from console.forms import Form
from console.page import gettext
from console.texts import mark
from console.visit import Refused

WEEK = 7
HOUR = timedelta(hours=1)
SLOTS_SHOWN = 200  # of a preview, which may have thousands
DAYS = {"from": "first_day", "to": "last_day"}  # of the API, and of the page
REASONS = {
    "no_such_local_time": mark("clocks skip this time"),
    "in_the_past": mark("it has begun already"),
    "already_published": mark("it is published already"),
    "does_not_fit": mark("clocks go forward, so the hours end before it does"),
    "overlaps": mark("it overlaps another time of yours"),
    "time_off": mark("you have time off"),
}
TWICE = mark("Clocks show this time twice on this day. Choose one of them.")
SKIPPED = mark("Clocks skip this time on this day. Choose another one.")
NO_DAY = mark("Enter a day.")
NO_TIME = mark("Enter a time of day.")
SAME_TIME = mark("It must be another time than the first one.")


def add_to(blp: Blueprint) -> None:
    """Add the pages of the schedule."""
    both = ["GET", "POST"]
    blp.add_url_rule("/schedule", "schedule", show_schedule)
    blp.add_url_rule("/schedule/hours", "hours", publish_hours, methods=both)
    blp.add_url_rule("/schedule/slots/new", "new_slot", publish_slot, methods=both)
    blp.add_url_rule(
        "/schedule/slots/<uuid:slot_id>/withdraw", "withdraw_slot", withdraw_slot, methods=both
    )


def show_schedule() -> Response:
    """A week or a day: open slots, consultations and time off."""
    visiting = visit.current()
    is_week = request.args.get("view") != "day"
    today = datetime.now(visiting.zone).date()
    first = clocks.day_of(request.args.get("day", "")) or today
    if is_week:
        first -= timedelta(days=(first.weekday() - page.locale().first_week_day) % WEEK)
    days = [first + timedelta(days=n) for n in range(WEEK if is_week else 1)]
    found = visiting.get(
        "/v1/me/schedule",
        from_=days[0].isoformat(),
        to=days[-1].isoformat(),
        time_zone=visiting.zone.key,
    )
    return page.render(
        "schedule.html",
        view="week" if is_week else "day",
        days=[_day(day, found["items"], visiting.zone) for day in days],
        today=today,
        earlier=first - timedelta(days=len(days)),
        later=first + timedelta(days=len(days)),
    )


def _day(day: date, entries: list[dict[str, Any]], zone: ZoneInfo) -> dict[str, Any]:
    """What is on a day."""
    shown = []
    for entry in entries:
        start, end = texts.instant(entry["starts_at"]), texts.instant(entry["ends_at"])
        first = start.astimezone(zone).date()
        last = (end - timedelta(microseconds=1)).astimezone(zone).date()
        if first <= day <= last:
            shown.append(
                entry
                | {
                    "begins": day == first,
                    "finishes": day == last,
                    "minutes": clocks.minutes_between(start, end),
                    "is_ahead": start > datetime.now(UTC),
                }
            )
    return {"day": day, "entries": shown, "hours": clocks.length_of(day, zone) / HOUR}


def publish_hours() -> AnyResponse:
    """Weekly hours: what would be published and what not, then its publication."""
    visiting = visit.current()
    me = visiting.profile().body
    today = datetime.now(visiting.zone).date()
    form = Form(
        is_keyed=True,
        in_address=True,
        weekdays=["1", "2", "3", "4", "5"],
        first_day=today + timedelta(days=1),
        last_day=today + timedelta(weeks=4),
        start_time="09:00",
        end_time="17:00",
        slot_minutes=30,
        time_zone=visiting.get(f"/v1/doctors/{me['id']}")["time_zone"],
    )
    preview: dict[str, Any] | None = None
    body = _hours(form) if form.is_filled else None
    if body:
        if form.is_sent:
            answer = visiting.call("POST", "/v1/slots/recurring", body=body, key=form.key)
            if form.take(answer):
                day = _day_of_first(answer.body["items"], visiting.zone) or form.text("first_day")
                return form.lead_to("schedule", done="hours-published", day=day)
        answer = visiting.call("POST", "/v1/slots/recurring/preview", body=body)
        if answer.status < 400:
            preview = answer.body
        elif not form.refusal:
            form.take(answer)
        form.rename(DAYS)
    return page.render("hours.html", form, **_shown(preview), address=_address("hours"))


def _hours(form: Form) -> dict[str, Any] | None:
    """The body of a publication; None if a day or a time is wrong. The API checks the rest."""
    days = {name: clocks.day_of(form.text(field)) for name, field in DAYS.items()}
    start, end = (clocks.time_of(form.text(name)) for name in ("start_time", "end_time"))
    for name, day in days.items():
        if day is None:
            form.refuse(DAYS[name], gettext(NO_DAY))
    for name, at in (("start_time", start), ("end_time", end)):
        if at is None:
            form.refuse(name, gettext(NO_TIME))
    if start is not None and start == end != time():
        form.refuse("end_time", gettext(SAME_TIME))
    if form.refusal or start is None or end is None:
        return None
    return {
        **{name: str(day) for name, day in days.items()},
        "weekdays": [_whole(number) for number in form.choices("weekdays")],
        "start_time": f"{start:%H:%M:%S}",
        # A field for a time of day has no 24:00.
        "end_time": f"{end:%H:%M:%S}" if end != time() else "24:00:00",
        "slot_minutes": _whole(form.text("slot_minutes").strip()),
        "time_zone": form.text("time_zone").strip(),
    }


def _whole(text: str) -> int | str:
    """A number that was entered; the text itself if it is none."""
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    return int(text) if is_number else text


def _shown(preview: dict[str, Any] | None) -> dict[str, Any]:
    if preview is None:
        return {"is_previewed": False}
    skipped: dict[str, list[dict[str, Any]]] = {}
    for row in preview["skipped"]:
        skipped.setdefault(row["reason"], []).append(row)
    return {
        "is_previewed": True,
        "number": len(preview["items"]),
        "slots": preview["items"][:SLOTS_SHOWN],
        "skipped": [
            (REASONS[reason], len(rows), rows[:SLOTS_SHOWN]) for reason, rows in skipped.items()
        ],
    }


def _day_of_first(slots: list[dict[str, Any]], zone: ZoneInfo) -> str:
    if not slots:
        return ""
    return texts.instant(slots[0]["starts_at"]).astimezone(zone).date().isoformat()


def _address(route: str) -> str:
    """The address of the present page with its fields, to which its form is sent."""
    query = request.query_string.decode(errors="replace")
    return f"{url_for(f'console.{route}')}?{query}"


def publish_slot() -> AnyResponse:
    """Publish one slot."""
    visiting = visit.current()
    zone = visiting.zone
    form = Form(
        is_keyed=True,
        day=clocks.day_of(request.args.get("day", "")) or datetime.now(zone).date(),
        start_time="",
        minutes=30,
    )
    occurrences: list[datetime] = []
    if form.is_sent:
        occurrences = _starts(form, zone)
        minutes = _whole(form.text("minutes").strip())
        chosen = form.text("occurrence")
        if len(occurrences) > 1 and chosen not in map(str, range(len(occurrences))):
            form.refuse("occurrence", gettext(TWICE))
        if not isinstance(minutes, int) or not 1 <= minutes <= 24 * 60:
            form.refuse("minutes", gettext("Enter a number of minutes from 1 to 1440."))
        elif not form.refusal:
            start = occurrences[int(chosen) if len(occurrences) > 1 else 0]
            end = start + timedelta(minutes=minutes)
            body = {"starts_at": start.isoformat(), "ends_at": end.isoformat()}
            if form.take(visiting.call("POST", "/v1/slots", body=body, key=form.key)):
                return form.lead_to("schedule", done="slot-published", day=form.text("day"))
            form.rename({"starts_at": "start_time", "ends_at": "minutes"})
    return page.render(
        "new_slot.html",
        form,
        occurrences=occurrences if len(occurrences) > 1 else [],
    )


def _starts(form: Form, zone: ZoneInfo) -> list[datetime]:
    """The instants that the day and the time of a form may mean. A form without one is refused."""
    day, at = clocks.day_of(form.text("day")), clocks.time_of(form.text("start_time"))
    if day is None:
        form.refuse("day", gettext(NO_DAY))
    if at is None:
        form.refuse("start_time", gettext(NO_TIME))
    if day is None or at is None:
        return []
    found = clocks.instants(day, at, zone)
    if not found:
        form.refuse("start_time", gettext(SKIPPED))
    return found


def withdraw_slot(slot_id: UUID) -> AnyResponse:
    """Asks, then withdraws an open slot."""
    form, visiting = Form(), visit.current()
    answer = visiting.call("GET", f"/v1/slots/{slot_id}")
    if answer.status >= 400:
        raise Refused(answer)
    slot = answer.body
    day = texts.instant(slot["starts_at"]).astimezone(visiting.zone).date().isoformat()
    if form.is_sent and form.take(visiting.call("DELETE", f"/v1/slots/{slot_id}")):
        return form.lead_to("schedule", done="slot-withdrawn", day=day)
    return page.render("withdraw_slot.html", form, slot=slot, day=day)
