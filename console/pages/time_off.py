"""Time off of a doctor."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from console import clocks, page, texts, visit
from console.forms import Form
from console.page import gettext
from console.pages.schedule import NO_DAY, NO_TIME, SKIPPED

TIME_OFF_OF_PAGE = 20
LONGEST = timedelta(hours=24)  # of a slot
MOST = 200  # of what time off concerns, in one page of the API


def add_to(blp: Blueprint) -> None:
    """Add the pages of time off."""
    both = ["GET", "POST"]
    blp.add_url_rule("/time-off", "time_off", list_time_off)
    blp.add_url_rule("/time-off/new", "new_time_off", take_time_off, methods=both)
    blp.add_url_rule("/time-off/<uuid:time_off_id>/end", "end_time_off", end_time_off, methods=both)


def list_time_off() -> Response:
    """The time off of the caller, the latest entry first."""
    cursor = request.args.get("cursor", "")
    found = visit.current().get(
        "/v1/time-off", order="-created_at", cursor=cursor, limit=TIME_OFF_OF_PAGE
    )
    now = datetime.now(UTC)
    return page.render(
        "time_off.html",
        items=[row | {"is_over": texts.instant(row["ends_at"]) <= now} for row in found["items"]],
        next_cursor=found["next_cursor"],
        cursor=cursor,
    )


def take_time_off() -> AnyResponse:
    """Shows what time off concerns, then takes it."""
    visiting = visit.current()
    day = clocks.day_of(request.args.get("day", "")) or datetime.now(visiting.zone).date()
    form = Form(
        is_keyed=True,
        in_address=True,
        first_day=day,
        first_time="",
        last_day=day,
        last_time="",
    )
    concerned: dict[str, Any] | None = None
    if form.is_filled:
        start = _start(form, visiting.zone)
        end = _end(form, visiting.zone)
        if start and end and end <= max(start, datetime.now(UTC)):
            form.refuse("last_day", gettext("Time off ends after it begins, and not before now."))
        if start and end and not form.refusal:
            if form.is_sent:
                times = {"starts_at": start.isoformat(), "ends_at": end.isoformat()}
                body = times | {"reason": form.optional("reason")}
                answer = visiting.call("POST", "/v1/time-off", body=body, key=form.key)
                if form.take(answer):
                    return form.lead_to("time_off", done="time-off-taken")
                form.rename({"starts_at": "first_day", "ends_at": "last_day"})
            concerned = _concerned(start, end)
    query = request.query_string.decode(errors="replace")
    return page.render(
        "new_time_off.html",
        form,
        concerned=concerned,
        address=f"{url_for('console.new_time_off')}?{query}",
    )


def _start(form: Form, zone: ZoneInfo) -> datetime | None:
    """The first instant of time off: of its first day, unless there is a time of day."""
    found = _entered(form, "first", zone, lambda day: day)
    return found[0] if found else None


def _end(form: Form, zone: ZoneInfo) -> datetime | None:
    """The end of time off: of its last day, unless there is a time of day."""
    found = _entered(form, "last", zone, lambda day: day + clocks.ONE_DAY)
    # Of a time that clocks show twice the later one, so that time off covers both.
    return found[-1] if found else None


def _entered(
    form: Form, which: str, zone: ZoneInfo, whole: Callable[[date], date]
) -> list[datetime]:
    day, at_text = clocks.day_of(form.text(f"{which}_day")), form.text(f"{which}_time").strip()
    if day is None:
        form.refuse(f"{which}_day", gettext(NO_DAY))
        return []
    if not at_text:
        return [clocks.beginning_of(whole(day), zone)]
    at = clocks.time_of(at_text)
    if at is None:
        form.refuse(f"{which}_time", gettext(NO_TIME))
        return []
    found = clocks.instants(day, at, zone)
    if not found:
        form.refuse(f"{which}_time", gettext(SKIPPED))
    return found


def _concerned(start: datetime, end: datetime) -> dict[str, Any]:
    """The consultations that stay in time off, and the open slots that it withdraws."""
    visiting = visit.current()
    period = {"from_": (start - LONGEST).isoformat(), "to": end.isoformat(), "limit": MOST}
    booked = visiting.get("/v1/consultations", status="scheduled", order="starts_at", **period)
    doctor = visiting.profile().body["id"]
    free = visiting.get(f"/v1/doctors/{doctor}/slots", **period)

    def within(found: dict[str, Any]) -> list[dict[str, Any]]:
        return [row for row in found["items"] if texts.instant(row["ends_at"]) > start]

    return {
        "starts_at": start.isoformat(),
        "ends_at": end.isoformat(),
        "booked": within(booked),
        "has_more_booked": bool(booked["next_cursor"]),
        "free": len(within(free)),
        "has_more_free": bool(free["next_cursor"]),
    }


def end_time_off(time_off_id: UUID) -> AnyResponse:
    """Asks, then ends time off."""
    form, visiting = Form(), visit.current()
    time_off = visiting.get(f"/v1/time-off/{time_off_id}")
    if form.is_sent and form.take(visiting.call("DELETE", f"/v1/time-off/{time_off_id}")):
        return form.lead_to("time_off", done="time-off-ended")
    return page.render("end_time_off.html", form, time_off=time_off)
