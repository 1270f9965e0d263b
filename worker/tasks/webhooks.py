"""Deliveries of webhooks."""

from functools import lru_cache

from cryptography.fernet import InvalidToken

from api import config, webhook_secrets
from api.logs import log
from worker import db, webhooks
from worker.app import BACKOFF, app


@app.task(name="deliver_webhook", retry=BACKOFF)
async def deliver_webhook(delivery_id: str) -> None:
    """Try one delivery, if it is due.

    A worker that ends between the request and its report leaves the delivery claimed until its
    lease is over; then it is sent again under the same webhook-id.
    """
    settings = _settings()
    if not settings.mfa_keys:
        raise config.SettingsError("MFA_KEYS is missing: it decrypts the secrets of webhooks")
    for claimed in await db.call("claim_delivery", delivery_id=delivery_id):
        outcome = await _send(claimed, settings)
        (settled,) = await db.call(
            "settle_delivery",
            delivery_id=claimed["delivery_id"],
            attempt=claimed["attempt"],
            duration_ms=outcome.duration_ms,
            status_code=outcome.status_code,
            error=outcome.error,
            answer=outcome.answer,
            retry_after_seconds=outcome.retry_after_seconds,
        )
        result = settled["settle_delivery"]
        write = log.error if result == "disabled" else log.info
        write(
            "webhook",
            webhook_id=str(claimed["webhook_id"]),
            message_id=claimed["message_id"],
            attempt=claimed["attempt"],
            outcome=result,
            status=outcome.status_code,
            error=outcome.error,
            duration_ms=outcome.duration_ms,
        )


@app.task(name="dispatch_slot_events", retry=BACKOFF)
async def dispatch_slot_events(first_id: int, last_id: int) -> None:
    """Add the deliveries that the events of newly published slots call for."""
    await db.call("dispatch_slot_events", first_id=first_id, last_id=last_id)


@app.periodic(cron="* * * * *")
@app.task(name="resume_deliveries", queueing_lock="resume_deliveries")
async def resume_deliveries(timestamp: int) -> None:
    """Enqueue the deliveries that no job takes care of."""
    (row,) = await db.call("resume_deliveries")
    if row["resume_deliveries"]:
        log.warning("webhooks_resumed", deliveries=row["resume_deliveries"])


async def _send(claimed: db.Row, settings: config.Settings) -> webhooks.Outcome:
    encrypted = (claimed["secret"], claimed["previous_secret"])
    try:
        secrets = [webhook_secrets.signing_key(settings.mfa_keys, s) for s in encrypted if s]
    except InvalidToken:
        return webhooks.Outcome(0, error="No key of MFA_KEYS fits the secret: rotate the secret")
    return await webhooks.send(
        claimed["url"],
        claimed["message_id"],
        claimed["body"].encode(),
        secrets,
        settings.webhook_exceptions,
        seconds=settings.webhook_timeout_seconds,
    )


@lru_cache
def _settings() -> config.Settings:
    return config.load(to_serve=False)
