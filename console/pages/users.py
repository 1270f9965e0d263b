"""Accounts: find, on-board a doctor, close and open them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response
from werkzeug.wrappers import Response as AnyResponse

from console import page, visit
from console.forms import Form
from console.lists import Filters

BOOKED_OF_PAGE = 20
OF_DOCTOR = ("email", "full_name", "specialty", "time_zone", "currency")
USER = "/admin/accounts/<uuid:user_id>"


def add_to(blp: Blueprint) -> None:
    """Add the pages of accounts."""
    both = ["GET", "POST"]
    blp.add_url_rule("/admin/accounts", "users", list_users)
    blp.add_url_rule("/admin/doctors/new", "onboard", onboard, methods=both)
    blp.add_url_rule(USER, "user", show_user)
    blp.add_url_rule(f"{USER}/close", "close_user", close_user, methods=both)
    blp.add_url_rule(f"{USER}/open", "open_user", open_user, methods=both)


def list_users() -> Response:
    """Accounts, by address, role and state."""
    filters = Filters("email", "role", "state")
    found = filters.page_of("/v1/admin/users")
    return page.render("users.html", filters.form, found=found, filters=filters)


def onboard() -> AnyResponse:
    """A new account of a doctor."""
    form, visiting = Form(is_keyed=True, currency="EUR"), visit.current()
    visiting.require_role("admin")
    if form.is_sent:
        body: dict[str, Any] = {name: form.text(name).strip() for name in OF_DOCTOR}
        body["password"] = form.text("password")
        body["fee_minor"] = _minor(form.text("fee_minor"))
        body["languages"] = form.text("languages").replace(",", " ").split()
        if biography := form.optional("biography"):
            body["biography"] = biography
        answer = visiting.call("POST", "/v1/admin/doctors", body=body, key=form.key)
        if form.take(answer):
            return form.lead_to("user", done="onboarded", user_id=answer.body["id"])
    return page.render("onboard.html", form)


def _minor(text: str) -> int | str:
    """A number as the API takes it; other text as it is, which the API refuses."""
    return int(text) if text.strip().isdecimal() and len(text) < 20 else text


def show_user(user_id: UUID) -> Response:
    """One account, and what can be done with it."""
    account = visit.current().get(f"/v1/admin/users/{user_id}")
    return page.render("user.html", account=account, booked=_booked(account))


def _booked(account: dict[str, Any]) -> dict[str, Any]:
    """The next consultations of an account; empty for an admin."""
    if account["role"] == "admin":
        return {"items": [], "next_cursor": None}
    found: dict[str, Any] = visit.current().get(
        "/v1/consultations",
        **{f"{account['role']}_id": account["id"]},
        status="scheduled",
        from_=datetime.now(UTC).isoformat(),
        order="starts_at",
        limit=BOOKED_OF_PAGE,
    )
    return found


def close_user(user_id: UUID) -> AnyResponse:
    """Asks, says what becomes of bookings, and closes an account."""
    form, visiting = Form(), visit.current()
    if form.is_sent:
        cancels = "yes" in form.choices("cancel_consultations")
        body = {"cancel_consultations": cancels, "reason": form.optional("reason")}
        if form.take(visiting.call("POST", f"/v1/admin/users/{user_id}/deactivate", body=body)):
            return form.lead_to("user", done="user-closed", user_id=user_id)
    account = visiting.get(f"/v1/admin/users/{user_id}")
    return page.render("close_user.html", form, account=account, booked=_booked(account))


def open_user(user_id: UUID) -> AnyResponse:
    """Asks, and opens a closed account again."""
    form, visiting = Form(), visit.current()
    path = f"/v1/admin/users/{user_id}"
    if form.is_sent and form.take(visiting.call("POST", f"{path}/activate")):
        return form.lead_to("user", done="user-opened", user_id=user_id)
    account = visiting.get(path)
    return page.render("open_user.html", form, account=account)
