"""Consultations: book, list, read, cancel and reschedule them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, request
from werkzeug.wrappers import Response as AnyResponse

from console import page, texts, visit
from console.forms import Form
from console.pages.doctors import open_days, open_slots
from console.visit import Refused

CONSULTATIONS_OF_PAGE = 20
EVENTS_OF_PAGE = 200
LONGEST = timedelta(hours=24)  # of a slot
COMPLETION_LEAD = timedelta(hours=1)
LISTS = ("upcoming", "past", "cancelled")
CANCEL = "/consultations/<uuid:consultation_id>/cancel"
RESCHEDULE = "/consultations/<uuid:consultation_id>/reschedule"


def add_to(blp: Blueprint) -> None:
    """Add the pages of consultations."""
    both = ["GET", "POST"]
    blp.add_url_rule("/doctors/<uuid:doctor_id>/slots/<uuid:slot_id>", "book", book, methods=both)
    blp.add_url_rule("/consultations", "consultations", list_consultations)
    blp.add_url_rule("/consultations/<uuid:consultation_id>", "consultation", show_consultation)
    blp.add_url_rule("/consultations/<uuid:consultation_id>.ics", "calendar", calendar_file)
    blp.add_url_rule(
        "/consultations/<uuid:consultation_id>/prescriptions", "prescriptions", prescriptions
    )
    blp.add_url_rule(CANCEL, "cancel", cancel, methods=both)
    blp.add_url_rule(RESCHEDULE, "reschedule", choose_slot)
    blp.add_url_rule(f"{RESCHEDULE}/month", "reschedule_month", choose_day)
    blp.add_url_rule(f"{RESCHEDULE}/<uuid:slot_id>", "move", move, methods=both)


def book(doctor_id: UUID, slot_id: UUID) -> AnyResponse:
    """Confirm a slot and book it, or see the free times when it is taken."""
    form, visiting = Form(is_keyed=True), visit.current()
    if form.is_sent:
        body = {"slot_id": str(slot_id), "reason": form.optional("reason")}
        answer = visiting.call("POST", "/v1/consultations", body=body, key=form.key)
        if form.take(answer):
            return form.lead_to("consultation", done="booked", consultation_id=answer.body["id"])
    doctor = visiting.get(f"/v1/doctors/{doctor_id}")
    slot = _slot(slot_id, form)
    return page.render("book.html", form, doctor=doctor, slot=slot, free=_free(doctor_id, form))


def list_consultations() -> Response:
    """The consultations of the caller; for an admin, of everybody."""
    chosen = request.args.get("list", LISTS[0])
    if chosen not in LISTS:
        abort(404)
    cursor, now = request.args.get("cursor", ""), datetime.now(UTC)
    query: dict[str, Any] = {
        # One that has begun is not past before its end.
        "upcoming": {
            "status": "scheduled",
            "from_": (now - LONGEST).isoformat(),
            "order": "starts_at",
        },
        # One can be completed shortly before its start.
        "past": {"to": (now + COMPLETION_LEAD).isoformat(), "order": "-starts_at"},
        "cancelled": {"status": "cancelled", "order": "-starts_at"},
    }[chosen]
    found = visit.current().get(
        "/v1/consultations", **query, cursor=cursor, limit=CONSULTATIONS_OF_PAGE
    )
    items = [row for row in found["items"] if _belongs(row, chosen, now)]
    return page.render(
        "consultations.html",
        items=items,
        next_cursor=found["next_cursor"],
        chosen=chosen,
        cursor=cursor,
    )


def _belongs(row: dict[str, Any], chosen: str, now: datetime) -> bool:
    is_over = texts.instant(row["ends_at"]) <= now
    return {
        "upcoming": not is_over,
        "past": row["status"] == "completed" or (row["status"] == "scheduled" and is_over),
        "cancelled": True,
    }[chosen]


def show_consultation(consultation_id: UUID) -> Response:
    """One consultation, what happened to it, and what the viewer can do."""
    visiting = visit.current()
    consultation = visiting.get(f"/v1/consultations/{consultation_id}")
    history = visiting.get(f"/v1/consultations/{consultation_id}/history", limit=EVENTS_OF_PAGE)
    issued = []
    if consultation["status"] == "completed":
        issued = _prescriptions(consultation_id)
    return page.render(
        "consultation.html",
        consultation=consultation,
        history=history["items"],
        prescriptions=issued,
        **_what_can_be_done(consultation),
    )


def _what_can_be_done(consultation: dict[str, Any]) -> dict[str, bool]:
    role = visit.current().profile().body["role"]
    start, now = texts.instant(consultation["starts_at"]), datetime.now(UTC)
    is_ahead, has_nearly_begun = start > now, start - COMPLETION_LEAD <= now
    is_scheduled = consultation["status"] == "scheduled"
    return {
        "can_cancel": is_scheduled and (is_ahead or role != "patient"),
        "can_reschedule": is_scheduled and is_ahead and role == "patient",
        "can_join": is_scheduled and role in ("patient", "doctor"),
        "can_complete": is_scheduled and has_nearly_begun and role == "doctor",
        "can_prescribe": consultation["status"] == "completed" and role == "doctor",
    }


def calendar_file(consultation_id: UUID) -> Response:
    """The consultation for a calendar application."""
    answer = visit.current().call("GET", f"/v1/consultations/{consultation_id}.ics")
    if answer.status != 200:
        raise Refused(answer)
    response = Response(answer.text, content_type=answer.headers["Content-Type"])
    response.headers["Content-Disposition"] = 'attachment; filename="consultation.ics"'
    return response


def prescriptions(consultation_id: UUID) -> Response:
    """The prescriptions of a consultation, to print."""
    consultation = visit.current().get(f"/v1/consultations/{consultation_id}")
    return page.render(
        "prescriptions.html",
        consultation=consultation,
        prescriptions=_prescriptions(consultation_id),
    )


def _prescriptions(consultation_id: UUID) -> list[dict[str, Any]]:
    found = visit.current().get(f"/v1/consultations/{consultation_id}/prescriptions", limit=200)
    items: list[dict[str, Any]] = found["items"]
    return items


def cancel(consultation_id: UUID) -> AnyResponse:
    """Asks, then cancels."""
    form, visiting = Form(is_keyed=True), visit.current()
    address = f"/v1/consultations/{consultation_id}"
    if form.is_sent:
        body = {"reason": form.optional("reason")}
        if form.take(visiting.call("POST", f"{address}/cancel", body=body, key=form.key)):
            return form.lead_to("consultation", done="cancelled", consultation_id=consultation_id)
    consultation = visiting.get(address)
    return page.render(
        "cancel.html",
        form,
        consultation=consultation,
        can_cancel=_what_can_be_done(consultation)["can_cancel"],
    )


def choose_slot(consultation_id: UUID) -> Response:
    """The other open slots of the doctor of a consultation."""
    return _choice(consultation_id, open_slots)


def choose_day(consultation_id: UUID) -> Response:
    """The days of a month on which the doctor of a consultation has open slots."""
    return _choice(consultation_id, open_days)


def _choice(consultation_id: UUID, found: Callable[[str], dict[str, Any]]) -> Response:
    consultation = visit.current().get(f"/v1/consultations/{consultation_id}")
    return page.render(
        "reschedule.html",
        consultation=consultation,
        can_reschedule=_what_can_be_done(consultation)["can_reschedule"],
        **found(consultation["doctor_id"]),
    )


def move(consultation_id: UUID, slot_id: UUID) -> AnyResponse:
    """Confirm the new slot and move the consultation to it."""
    form, visiting = Form(is_keyed=True), visit.current()
    address = f"/v1/consultations/{consultation_id}"
    if form.is_sent:
        body = {"slot_id": str(slot_id)}
        if form.take(visiting.call("POST", f"{address}/reschedule", body=body, key=form.key)):
            return form.lead_to("consultation", done="rescheduled", consultation_id=consultation_id)
    consultation = visiting.get(address)
    slot = _slot(slot_id, form)
    return page.render(
        "move.html",
        form,
        consultation=consultation,
        slot=slot,
        free=_free(consultation["doctor_id"], form),
        can_reschedule=_what_can_be_done(consultation)["can_reschedule"],
    )


def _slot(slot_id: UUID, form: Form) -> dict[str, Any] | None:
    """A slot, if the viewer may see it; else the form shows that it is not there."""
    answer = visit.current().call("GET", f"/v1/slots/{slot_id}")
    if answer.status == 200:
        found: dict[str, Any] = answer.body
        return found
    if answer.status != 404:
        raise Refused(answer)
    if not form.refusal:
        form.take(answer)
    return None


def _free(doctor_id: UUID | str, form: Form) -> list[dict[str, Any]]:
    """The times to offer in place of the refused one: those of the refusal, else the next ones."""
    if form.answer and "alternatives" in form.answer.body:
        offered: list[dict[str, Any]] = form.answer.body["alternatives"]
        return offered
    if form.status != 404:
        return []
    next_ones: list[dict[str, Any]] = visit.current().get(
        f"/v1/doctors/{doctor_id}/slots", limit=5
    )["items"]
    return next_ones
