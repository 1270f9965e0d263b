"""What doctors do in a consultation: complete it, and prescribe."""

import re
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from werkzeug.wrappers import Response as AnyResponse

from console import page, visit
from console.forms import Form
from console.page import gettext
from console.refusals import Fault

MOST_MEDICINES = 50
FIELDS = ("drug", "dosage", "duration_days", "instructions")
FIELD_OF_ITEM = re.compile(r"#/items/([0-9]+)/([a-z_]+)")


def add_to(blp: Blueprint) -> None:
    """Add the pages of a doctor about a consultation."""
    both, path = ["GET", "POST"], "/consultations/<uuid:consultation_id>"
    blp.add_url_rule(f"{path}/complete", "complete", complete, methods=both)
    blp.add_url_rule(f"{path}/prescribe", "prescribe", prescribe, methods=both)


def complete(consultation_id: UUID) -> AnyResponse:
    """Asks for notes, then completes the consultation."""
    _require_doctor()
    form, visiting = Form(is_keyed=True), visit.current()
    address = f"/v1/consultations/{consultation_id}"
    if form.is_sent:
        body = {"notes": form.optional("notes")}
        if form.take(visiting.call("POST", f"{address}/complete", body=body, key=form.key)):
            return form.lead_to("consultation", done="completed", consultation_id=consultation_id)
    return page.render("complete.html", form, consultation=visiting.get(address))


def prescribe(consultation_id: UUID) -> AnyResponse:
    """Medicines, a look at them, and the prescription, which never changes again.

    The field `step` of the form says what its sender wants: another row, the look, to change
    something, or to issue it.
    """
    _require_doctor()
    form, visiting = Form(is_keyed=True), visit.current()
    address = f"/v1/consultations/{consultation_id}"
    step, rows = form.text("step"), _rows(form)
    if step == "more":
        rows = min(rows + 1, MOST_MEDICINES)
    items = _items(form, rows)
    if step in ("review", "issue"):
        _require_whole(form, items)
    if step == "issue" and not form.refusal:
        body = {"items": [item for _, item in items], "notes": form.optional("notes")}
        answer = visiting.call("POST", f"{address}/prescriptions", body=body, key=form.key)
        if form.take(answer):
            return form.lead_to("prescriptions", done="prescribed", consultation_id=consultation_id)
        form.faults = _faults(form, items)
    return page.render(
        "review_prescription.html" if step == "review" and not form.refusal else "prescribe.html",
        form,
        consultation=visiting.get(address),
        rows=rows,
        items=[item for _, item in items],
        entries=_entries(form, rows),
    )


def _require_doctor() -> None:
    """No form for others: the API would refuse it only after somebody has filled it in."""
    if visit.current().profile().body["role"] != "doctor":
        abort(403)


def _rows(form: Form) -> int:
    text = form.text("rows")
    is_number = text.isascii() and text.isdecimal() and len(text) < 4
    return min(max(int(text), 1), MOST_MEDICINES) if is_number else 1


def _items(form: Form, rows: int) -> list[tuple[int, dict[str, Any]]]:
    """The medicines, each with the number of its row. A row without an entry is left out."""
    items = []
    for row in range(1, rows + 1):
        item: dict[str, Any] = {name: form.optional(f"{name}_{row}") for name in FIELDS}
        if any(item.values()):
            days = item["duration_days"]
            if days and days.isascii() and days.isdecimal() and len(days) < 10:
                item["duration_days"] = int(days)
            items.append((row, item))
    return items


def _require_whole(form: Form, items: list[tuple[int, dict[str, Any]]]) -> None:
    for row, item in items or [(1, dict.fromkeys(FIELDS))]:
        if not item["drug"]:
            form.refuse(f"drug_{row}", gettext("Enter the name of the medicine."))
        if not item["dosage"]:
            form.refuse(f"dosage_{row}", gettext("Enter the dosage."))
        days = item["duration_days"]
        if days is not None and not (isinstance(days, int) and 1 <= days <= 3650):
            form.refuse(f"duration_days_{row}", gettext("Enter a number of days from 1 to 3650."))


def _faults(form: Form, items: list[tuple[int, dict[str, Any]]]) -> list[Fault]:
    """The faults of an answer, with the fields of the page: the API counts items, not rows."""
    errors = form.answer.body.get("errors", ()) if form.answer else ()
    named = [(FIELD_OF_ITEM.match(error.get("pointer", "")), error) for error in errors]
    if not any(place for place, _ in named):
        return form.faults
    return [
        Fault(f"{place[2]}_{items[int(place[1])][0]}", error["detail"])
        for place, error in named
        if place and int(place[1]) < len(items)
    ]


def _entries(form: Form, rows: int) -> dict[str, str]:
    """Everything that was entered, to be sent on."""
    names = [f"{name}_{row}" for row in range(1, rows + 1) for name in FIELDS]
    entered = {name: form.text(name) for name in (*names, "notes") if request.form.get(name)}
    return entered | {"rows": str(rows)}
