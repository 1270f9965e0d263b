"""Webhooks: addresses of other systems to which events are sent."""

import json
from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from api import db, webhook_secrets
from api.auth import signed_in
from api.config import current
from api.entity_tags import changes_version
from api.fields import (
    BIGGEST_BIGINT,
    Choice,
    Flag,
    HttpsUrl,
    Line,
    Patch,
    Request,
    Row,
    Timestamp,
    Whole,
    page_by,
    page_of,
)
from api.idempotency import idempotent
from api.openapi import refuses
from api.resources.events import TYPES
from api.routing import Arguments, Blueprint

blp = Blueprint("webhooks", "Webhooks: events are sent to other systems")

STATUSES = ("pending", "sending", "delivered", "given_up")


def _event_types(**kwargs: Any) -> Any:
    return fields.List(
        Choice("EventType", TYPES),
        validate=validate.Length(max=50),
        metadata={
            "description": "the types of events that are sent; an empty list for every type but"
            " those of slots",
            "example": ["consultation.booked", "consultation.cancelled"],
        },
        **kwargs,
    )


def _url(**kwargs: Any) -> HttpsUrl:
    return HttpsUrl(
        metadata={
            "description": "an https address of the internet, to which events are posted",
            "example": "https://hooks.clinic.example/telemedicine",
        },
        **kwargs,
    )


class Webhook(Row):
    """A webhook, without its secret."""

    id = fields.UUID()
    url = fields.String()
    description = fields.String(allow_none=True)
    event_types = fields.List(
        fields.String(), metadata={"description": "empty for every type but those of slots"}
    )
    is_enabled = fields.Boolean()
    disabled_because = Choice(
        "WebhookDisabledBecause",
        ("by_admin", "failing", "gone"),
        allow_none=True,
        metadata={
            "description": "failing: nothing was delivered for three days; gone: it answered 410"
        },
    )
    disabled_at = fields.DateTime(allow_none=True)
    consecutive_failures = fields.Integer(
        metadata={"description": "failed attempts since the last delivery"}
    )
    first_failed_at = fields.DateTime(allow_none=True)
    previous_ends_at = fields.DateTime(
        allow_none=True, metadata={"description": "until then the secret before signs as well"}
    )
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class WebhookWithSecret(Webhook):
    """A webhook with its new secret. It is shown only once."""

    secret = fields.String(
        metadata={"description": "whsec_ and base64: the receiver verifies with it"}
    )


class WebhookDelivery(Row):
    """One event on its way to one webhook."""

    id = fields.UUID()
    webhook_id = fields.UUID()
    message_id = fields.String(metadata={"description": "its header webhook-id"})
    event_id = fields.Integer(allow_none=True, metadata={"description": "null for a ping"})
    event_type = fields.String()
    consultation_id = fields.UUID(allow_none=True)
    status = Choice("WebhookDeliveryStatus", STATUSES)
    attempts = fields.Integer()
    next_attempt_at = fields.DateTime(allow_none=True)
    settled_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class WebhookAttempt(Row):
    """One attempt to deliver an event."""

    id = fields.UUID()
    webhook_id = fields.UUID()
    delivery_id = fields.UUID()
    message_id = fields.String(metadata={"description": "its header webhook-id"})
    event_id = fields.Integer(allow_none=True, metadata={"description": "null for a ping"})
    event_type = fields.String()
    consultation_id = fields.UUID(allow_none=True)
    delivery_status = Choice(
        "WebhookDeliveryStatus", STATUSES, metadata={"description": "what became of the delivery"}
    )
    attempt = fields.Integer(metadata={"description": "1 for the first attempt"})
    attempted_at = fields.DateTime()
    duration_ms = fields.Integer(allow_none=True)
    status_code = fields.Integer(
        allow_none=True, metadata={"description": "of the answer; null if none came"}
    )
    error = fields.String(allow_none=True)
    answer = fields.String(
        allow_none=True, metadata={"description": "the beginning of the body of the answer"}
    )


class WebhookRedelivery(Row):
    """A request to send events again."""

    id = fields.UUID()
    webhook_id = fields.UUID()
    event_id = fields.Integer(allow_none=True)
    starts_at = fields.DateTime(allow_none=True)
    ends_at = fields.DateTime(allow_none=True)
    deliveries = fields.Integer(metadata={"description": "how many events are sent"})
    created_at = fields.DateTime()


class NewWebhook(Request):
    """An address, and what is sent there."""

    url = _url(required=True)
    event_types = _event_types(load_default=list)
    description = Line(load_default=None, metadata={"example": "Billing"})


class WebhookChange(Patch):
    """A change of a webhook (JSON merge patch, RFC 7396): null clears a field."""

    url = _url()
    event_types = _event_types()
    description = Line(allow_none=True, metadata={"example": "Billing"})
    is_enabled = Flag(metadata={"example": True})


class NewWebhookSecret(Request):
    """How long the secret before stays in use."""

    previous_hours = Whole(
        0,
        168,
        load_default=24,
        metadata={"description": "hours in which the secret before signs as well", "example": 24},
    )


class NewRedelivery(Request):
    """One event, or an interval with both ends."""

    event_id = Whole(
        1, BIGGEST_BIGINT, load_default=None, metadata={"description": "instead of an interval"}
    )
    starts_at = Timestamp(
        load_default=None,
        metadata={"description": "not before this time", "example": "2027-02-20T00:00:00Z"},
    )
    ends_at = Timestamp(
        load_default=None,
        metadata={"description": "before this time", "example": "2027-02-21T00:00:00Z"},
    )


class NoContent(Request):
    """An empty object."""


@blp.post("/webhooks")
@signed_in("admin")
@blp.body(NewWebhook)
@idempotent(key_required=False)
@refuses(409)
@blp.answers(201, WebhookWithSecret, location="/v1/webhooks/{id}")
def create_webhook(body: Arguments, idempotency_key: str | None) -> bytes:
    """Create a webhook

    Events that occur from now on are posted to its URL, signed as Standard Webhooks describes it.
    The answer has the secret, which is shown again only to a retry under the same Idempotency-Key,
    and not after it was replaced (409).
    """
    keys = current().mfa_keys
    encrypted = webhook_secrets.encrypt(keys, webhook_secrets.new())
    created = db.call("create_webhook", **body, secret=encrypted, idempotency_key=idempotency_key)
    # That of the first request, if this is a retry.
    return _with_secret(created, webhook_secrets.decrypt(keys, json.loads(created)["secret"]))


@blp.get("/webhooks")
@signed_in("admin")
@blp.query(page_by("created_at", "-created_at"))
@blp.answers(200, page_of(Webhook))
def list_webhooks(query: Arguments) -> bytes:
    """List the webhooks"""
    return db.page("list_webhooks", **query)


@blp.get("/webhooks/<uuid:webhook_id>")
@signed_in("admin")
@blp.answers(200, Webhook)
def get_webhook(webhook_id: UUID) -> bytes:
    """Read one webhook"""
    return db.call("get_webhook", webhook_id=webhook_id)


@blp.patch("/webhooks/<uuid:webhook_id>")
@signed_in("admin")
@blp.body(WebhookChange)
@changes_version
@blp.answers(200, Webhook, minimal=True)
def update_webhook(body: Arguments, webhook_id: UUID, versions: list[str] | None) -> bytes:
    """Change, disable or enable a webhook

    A disabled webhook gets nothing, and its pending deliveries are given up. A JSON merge patch
    (RFC 7396): a field that is absent does not change, and null clears a field. If-Match has the
    ETag of the webhook that the caller has read (412 if it has changed since).
    """
    return db.call("update_webhook", webhook_id=webhook_id, **body, versions=versions)


@blp.delete("/webhooks/<uuid:webhook_id>")
@signed_in("admin")
@blp.answers(204)
def delete_webhook(webhook_id: UUID) -> None:
    """Delete a webhook"""
    db.run("delete_webhook", webhook_id=webhook_id)


@blp.post("/webhooks/<uuid:webhook_id>/secret")
@signed_in("admin")
@blp.body(NewWebhookSecret)
@changes_version
@blp.answers(200, WebhookWithSecret)
def rotate_webhook_secret(body: Arguments, webhook_id: UUID, versions: list[str] | None) -> bytes:
    """Replace the secret of a webhook

    For some hours each delivery has two signatures, one of each secret, so that the receiver can
    change at any time in between. The answer has the new secret, which is not shown again. If-Match
    has the ETag of the webhook that the caller has read: a request that is sent twice replaces the
    secret once (412).
    """
    secret = webhook_secrets.new()
    encrypted = webhook_secrets.encrypt(current().mfa_keys, secret)
    changed = db.call(
        "rotate_webhook_secret",
        webhook_id=webhook_id,
        **body,
        secret=encrypted,
        versions=versions,
    )
    return _with_secret(changed, secret)


@blp.post("/webhooks/<uuid:webhook_id>/ping")
@signed_in("admin")
@blp.body(NoContent)
@blp.answers(202, WebhookDelivery)
def ping_webhook(body: Arguments, webhook_id: UUID) -> bytes:
    """Send a test to a webhook

    Its type is webhook.ping. It is tried once, also if the webhook is disabled; the outcome is
    among the attempts.
    """
    return db.call("ping_webhook", webhook_id=webhook_id)


@blp.get("/webhooks/<uuid:webhook_id>/attempts")
@signed_in("admin")
@blp.query(page_by("-attempted_at", "attempted_at"))
@blp.answers(200, page_of(WebhookAttempt))
def list_webhook_attempts(query: Arguments, webhook_id: UUID) -> bytes:
    """List the attempts to deliver events to a webhook"""
    return db.page("list_webhook_attempts", webhook_id=webhook_id, **query)


@blp.post("/webhooks/<uuid:webhook_id>/redeliver")
@signed_in("admin")
@blp.body(NewRedelivery)
@refuses(409)
@blp.answers(202, WebhookRedelivery)
def redeliver_webhook(body: Arguments, webhook_id: UUID) -> bytes:
    """Send events again

    One event, or all that occurred in an interval and have a type that the webhook wants, whether
    they were delivered or not: at most 1000. A repeat has the webhook-id of the first time.
    """
    return db.call("redeliver_webhook", webhook_id=webhook_id, **body)


def _with_secret(webhook: bytes, secret: str) -> bytes:
    return json.dumps({**json.loads(webhook), "secret": secret}).encode()
