"""Webhooks: addresses of other systems, their secrets and the attempts to reach them."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response
from werkzeug.wrappers import Response as AnyResponse

from console import page, visit
from console.forms import Form
from console.lists import Filters, midnight

# Those that a webhook gets unless it chooses, and those of slots, which come by the thousand.
EVENT_TYPES = (
    *("account.activated", "account.closed", "account.created", "account.deactivated"),
    *("account.email_changed", "account.email_verification_requested"),
    *("account.password_changed", "account.password_reset_requested"),
    *("account.second_factor_changed", "account.signed_in_on_new_device"),
    *("consultation.booked", "consultation.cancelled", "consultation.completed"),
    *("consultation.joined", "consultation.rescheduled"),
    *("payment.recorded", "prescription.issued", "refund.recorded"),
    *("slot.opened", "slot.withdrawn"),
)
WEBHOOK = "/admin/webhooks/<uuid:webhook_id>"


def add_to(blp: Blueprint) -> None:
    """Add the pages of webhooks."""
    both = ["GET", "POST"]
    blp.add_url_rule("/admin/webhooks", "webhooks", list_webhooks)
    blp.add_url_rule("/admin/webhooks/new", "new_webhook", create_webhook, methods=both)
    blp.add_url_rule(WEBHOOK, "webhook", show_webhook)
    for end, view in (
        ("change", change_webhook),
        ("secret", rotate_secret),
        ("ping", ping_webhook),
        ("redeliver", redeliver),
        ("delete", delete_webhook),
    ):
        blp.add_url_rule(f"{WEBHOOK}/{end}", f"{end}_webhook", view, methods=both)


def list_webhooks() -> Response:
    """The webhooks and their state."""
    filters = Filters()
    found = filters.page_of("/v1/webhooks")
    return page.render("webhooks.html", filters.form, found=found, filters=filters)


def create_webhook() -> AnyResponse:
    """A new webhook. Its secret is shown once: here, and again to a reload with the same key."""
    form, visiting = Form(is_keyed=True), visit.current()
    visiting.require_role("admin")
    if form.is_sent:
        answer = visiting.call("POST", "/v1/webhooks", body=_entered(form), key=form.key)
        if form.take(answer):
            return page.render("webhook_secret.html", webhook=answer.body)
    return page.render("new_webhook.html", form, types=EVENT_TYPES)


def _entered(form: Form) -> dict[str, Any]:
    return {
        "url": form.text("url").strip(),
        "description": form.optional("description"),
        "event_types": form.choices("event_types"),
    }


def show_webhook(webhook_id: UUID) -> Response:
    """One webhook with its attempts, the newest first."""
    filters = Filters()
    webhook = visit.current().get(_path(webhook_id))
    attempts = filters.page_of(_path(webhook_id, "/attempts"))
    return page.render(
        "webhook.html", filters.form, webhook=webhook, attempts=attempts, filters=filters
    )


def change_webhook(webhook_id: UUID) -> AnyResponse:
    """Change, disable or enable a webhook."""
    visiting = visit.current()
    form, webhook = _form(webhook_id, "url", "description", "event_types", "is_enabled")
    if form.is_sent:
        body = _entered(form) | {"is_enabled": form.text("is_enabled") == "yes"}
        answer = visiting.call("PATCH", _path(webhook_id), body=body, version=form.sent_version)
        if form.take(answer):
            return form.lead_to("webhook", done="saved-webhook", webhook_id=webhook_id)
    return page.render("change_webhook.html", form, webhook=webhook, types=EVENT_TYPES)


def _form(webhook_id: UUID, *names: str) -> tuple[Form, dict[str, Any]]:
    """A form with fields of a webhook and its version, and the webhook."""
    answer = visit.current().read(_path(webhook_id))
    webhook: dict[str, Any] = answer.body
    defaults = {name: webhook[name] for name in names}
    if "is_enabled" in defaults:
        defaults["is_enabled"] = "yes" if webhook["is_enabled"] else "no"
    return Form(version=answer.headers.get("ETag", ""), **defaults), webhook


def rotate_secret(webhook_id: UUID) -> AnyResponse:
    """Asks, then makes a new secret. A form that is sent twice makes one: it names the version."""
    form, webhook = _form(webhook_id)
    if form.is_sent:
        hours = form.text("previous_hours").strip()
        body = {"previous_hours": int(hours) if hours.isdecimal() and len(hours) < 9 else hours}
        answer = visit.current().call(
            "POST", _path(webhook_id, "/secret"), body=body, version=form.sent_version or '""'
        )
        if form.take(answer):
            return page.render("webhook_secret.html", webhook=answer.body)
    return page.render("rotate_secret.html", form, webhook=webhook)


def ping_webhook(webhook_id: UUID) -> AnyResponse:
    """Send a test."""
    form = Form()
    if form.is_sent:
        answer = visit.current().call("POST", _path(webhook_id, "/ping"), body={})
        if form.take(answer):
            return form.lead_to("webhook", done="ping-sent", webhook_id=webhook_id)
    webhook = visit.current().get(_path(webhook_id))
    return page.render("ping_webhook.html", form, webhook=webhook)


def redeliver(webhook_id: UUID) -> AnyResponse:
    """Send one event again, or those of some days."""
    form, visiting = Form(), visit.current()
    if form.is_sent:
        number = form.text("event_id").strip()
        first = midnight(form.text("starts_at"), visiting.zone)
        last = midnight(form.text("ends_at"), visiting.zone, days_later=1)
        body = {
            "event_id": int(number) if number.isdecimal() and len(number) < 20 else number or None,
            "starts_at": first.isoformat() if first else None,
            "ends_at": last.isoformat() if last else None,
        }
        answer = visiting.call("POST", _path(webhook_id, "/redeliver"), body=body)
        if form.take(answer):
            done = "redelivered" if answer.body["deliveries"] else "nothing-redelivered"
            return form.lead_to("webhook", done=done, webhook_id=webhook_id)
    webhook = visiting.get(_path(webhook_id))
    return page.render("redeliver.html", form, webhook=webhook)


def delete_webhook(webhook_id: UUID) -> AnyResponse:
    """Asks, then deletes a webhook."""
    form, visiting = Form(), visit.current()
    if form.is_sent and form.take(visiting.call("DELETE", _path(webhook_id))):
        return form.lead_to("webhooks", done="webhook-deleted")
    return page.render("delete_webhook.html", form, webhook=visiting.get(_path(webhook_id)))


def _path(webhook_id: UUID, end: str = "") -> str:
    return f"/v1/webhooks/{webhook_id}{end}"
