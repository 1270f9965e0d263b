"""Doctors: the search, and the open slots of one doctor, by day and by month."""

from calendar import Calendar
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from console import page, visit
from console.lists import midnight

DOCTORS_OF_PAGE = 20
SLOTS_OF_PAGE = 40
MONTHS_AHEAD = 24  # that the view of a month goes to
FILTERS = ("q", "specialty", "language", "sort")


def add_to(blp: Blueprint) -> None:
    """Add the pages of doctors."""
    blp.add_url_rule("/doctors", "doctors", list_doctors)
    blp.add_url_rule("/doctors/<uuid:doctor_id>", "doctor", show_doctor)
    blp.add_url_rule("/doctors/<uuid:doctor_id>/month", "month", show_month)


def list_doctors() -> Response:
    """The doctors that match the search."""
    visiting = visit.current()
    chosen = {name: request.args.get(name, "").strip() for name in FILTERS}
    cursor = request.args.get("cursor", "")
    found = visiting.get("/v1/doctors", **chosen, cursor=cursor, limit=DOCTORS_OF_PAGE)
    specialties = visiting.get("/v1/specialties", limit=200)["items"]
    return page.render(
        "doctors.html", found=found, specialties=specialties, chosen=chosen, cursor=cursor
    )


def show_doctor(doctor_id: UUID) -> Response:
    """A doctor with the open slots, by day."""
    doctor = visit.current().get(f"/v1/doctors/{doctor_id}")
    return page.render("doctor.html", doctor=doctor, **open_slots(doctor_id))


def show_month(doctor_id: UUID) -> Response:
    """A doctor with the number of open slots of each day of a month."""
    doctor = visit.current().get(f"/v1/doctors/{doctor_id}")
    return page.render("month.html", doctor=doctor, **open_days(doctor_id))


def open_days(doctor_id: UUID | str) -> dict[str, Any]:
    """The weeks of the month that the address names, with the open slots of each day.

    Days are those of clocks in the zone of the viewer.
    """
    zone = visit.current().zone
    today = datetime.now(zone).date()
    first = _month(request.args.get("month", ""), today)
    weeks = Calendar(page.locale().first_week_day).monthdatescalendar(first.year, first.month)
    days = visit.current().get(
        f"/v1/doctors/{doctor_id}/calendar",
        from_=weeks[0][0].isoformat(),
        to=weeks[-1][-1].isoformat(),
        time_zone=zone.key,
    )["items"]
    present, last = today.replace(day=1), _months_after(today.replace(day=1), MONTHS_AHEAD)
    return {
        "first": first,
        "weeks": weeks,
        "open_slots": {date.fromisoformat(day["day"]): day["open_slots"] for day in days},
        "today": today,
        "previous": _months_after(first, -1) if first > present else None,
        "following": _months_after(first, 1) if first < last else None,
    }


def _month(text: str, today: date) -> date:
    """The first day of a month such as 2027-03; of the present one for anything else."""
    present = today.replace(day=1)
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return present
    return min(max(first, present), _months_after(present, MONTHS_AHEAD))


def _months_after(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def open_slots(doctor_id: UUID | str) -> dict[str, Any]:
    """The open slots of a doctor from the day on that the address names, a page of them."""
    visiting = visit.current()
    day, cursor = request.args.get("day", ""), request.args.get("cursor", "")
    first = midnight(day, visiting.zone)
    found = visiting.get(
        f"/v1/doctors/{doctor_id}/slots",
        from_=first.isoformat() if first else None,
        cursor=cursor,
        limit=SLOTS_OF_PAGE,
    )
    return {"found": found, "day": day if first else "", "cursor": cursor}
