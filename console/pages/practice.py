"""What a doctor says about the own practice."""

from decimal import Decimal
from typing import Any

from flask import Blueprint
from werkzeug.wrappers import Response as AnyResponse

from console import page, visit
from console.forms import Form
from console.page import gettext
from console.visit import Refused


def add_to(blp: Blueprint) -> None:
    """Add the page of the practice."""
    blp.add_url_rule("/practice", "practice", practice, methods=["GET", "POST"])


def practice() -> AnyResponse:
    """Fee, languages, biography and photo of the calling doctor."""
    visiting = visit.current()
    address = f"/v1/doctors/{visiting.profile().body['id']}"
    read = visiting.call("GET", address)
    if read.status >= 400:
        raise Refused(read)
    doctor = read.body
    exponent = doctor["currency_exponent"]
    form = Form(
        version=read.headers.get("ETag", ""),
        fee=f"{Decimal(doctor['fee_minor']).scaleb(-exponent):f}",
        languages=doctor["languages"],
        biography=doctor["biography"],
        photo_url=doctor["photo_url"],
    )
    if form.is_sent:
        fee = _minor_units(form.text("fee"), exponent)
        if fee is None:
            form.refuse("fee", gettext("Enter an amount of money, such as 50."))
        else:
            change = {"fee_minor": fee, **_change(form)}
            answer = visiting.call("PATCH", address, body=change, version=form.sent_version)
            if form.take(answer):
                return form.lead_to("practice", done="practice-saved")
            form.rename({"fee_minor": "fee"})
    spoken = list(dict.fromkeys([*doctor["languages"], *form.choices("languages")]))
    return page.render("practice.html", form, doctor=doctor, spoken=spoken)


def _change(form: Form) -> dict[str, Any]:
    added = form.optional("add_language")
    languages = [*form.choices("languages"), *([added] if added else [])]
    return {
        "languages": list(dict.fromkeys(languages)),
        "biography": form.optional("biography"),
        "photo_url": form.optional("photo_url"),
    }


def _minor_units(text: str, exponent: int) -> int | None:
    """An amount that somebody has entered, in minor units; None if it is none."""
    try:
        amount = Decimal(text.strip().replace(",", ".")).scaleb(exponent)
    except ArithmeticError:  # no number, or one with a huge exponent
        return None
    is_whole = amount.is_finite() and amount == amount.to_integral_value() and amount >= 0
    return int(amount) if is_whole and amount <= 10**12 else None
