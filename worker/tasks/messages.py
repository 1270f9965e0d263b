"""Messages: from a row of app.messages to the other server, and back.

1. `work.claim_message` gives the message to this worker for two minutes.
2. The channel does everything but hand it over: it connects, and names sender and recipient.
3. `work.hold_message`, in a transaction, checks for the last time that the message is right, and
   locks its consultation for at most a second. A cancellation commits before that, and then nothing
   is sent, or after the message was handed over.
4. The message is handed over, the transaction ends, and `work.settle_message` settles the row.

A worker that is lost between 3 and 4, after the other server has accepted the message, leaves it to
another attempt after the lease. That repeat cannot be avoided; it has the same Message-ID.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from email.utils import parseaddr
from functools import lru_cache
from typing import Any

import psycopg

from api import config
from api.calendar_files import CANCEL, CANCELLED, REQUEST, consultation_calendar
from api.logs import log
from worker import db
from worker.app import BACKOFF, app
from worker.channels import Channels, Delivery, DeliveryError, Message
from worker.texts import texts_of

SETTLE_ATTEMPTS = 5


@app.task(name="send_message", retry=BACKOFF)
async def send_message(message_id: str) -> None:
    """Send a message that is due. A message that was sent, skipped or given up stays as it is."""
    for row in await db.call("claim_message", message_id=message_id):
        claim = {"message_id": row["id"], "attempt": row["attempt"]}
        try:
            is_sent = await deliver(row, claim)
        except DeliveryError as error:
            (found,) = await db.call(
                "fail_message", **claim, error=str(error), is_permanent=error.is_permanent
            )
            # Without the text of the other server, which may name the address.
            log.warning("message_failed", **_named(row), status=found["fail_message"])
        else:
            if is_sent:
                await settle(claim)
            log.info("message", **_named(row), sent=is_sent)


@app.periodic(cron="* * * * *")
@app.task(name="requeue_messages", queueing_lock="requeue_messages")
async def requeue_messages(timestamp: int) -> None:
    """Enqueue messages again whose worker or job was lost."""
    await db.call("requeue_messages")


async def deliver(row: Mapping[str, Any], claim: Mapping[str, Any]) -> bool:
    """Whether the message was handed over; False if it must not be sent any more."""
    channel = channels().named(row["channel"])
    delivery = await asyncio.to_thread(channel.begin, message_of(row, settings()))
    try:
        return await hand_over(delivery, claim)
    finally:
        await asyncio.to_thread(delivery.close)


async def hand_over(delivery: Delivery, claim: Mapping[str, Any]) -> bool:
    """Complete the delivery under the lock of work.hold_message, unless that refuses."""
    is_sent = False
    try:
        async with db.transaction() as call:
            (held,) = await call("hold_message", **claim)
            if held["hold_message"]:
                await asyncio.to_thread(delivery.complete)
                is_sent = True
    except psycopg.Error:
        # The lock has ended after a second, because the other server took longer to accept.
        if not is_sent:
            raise
    return is_sent


async def settle(claim: Mapping[str, Any]) -> None:
    """Settle a message that was sent. If the database is away, try again: a repeat is worse."""
    for attempt in range(SETTLE_ATTEMPTS):
        with contextlib.suppress(psycopg.OperationalError):
            await db.call("settle_message", **claim)
            return
        await asyncio.sleep(2**attempt)
    log.error("message_not_settled", message_id=str(claim["message_id"]))


def message_of(row: Mapping[str, Any], settings: config.Settings) -> Message:
    """The message of a row of work.claim_message."""
    clinic, sender = parseaddr(settings.mail_from)
    texts = texts_of(row, clinic=clinic or sender, web_url=settings.web_url)
    calendar, method = b"", ""
    if entry := row["calendar"]:
        # A consultation that was cancelled after the claim: work.hold_message skips the message.
        method = CANCEL if entry["status"] == CANCELLED else REQUEST
        calendar = consultation_calendar([entry], method, organizer=sender, attendee=row["address"])
    return Message(
        # The end of a UUID is random, and enough beside the event.
        id=f"{row['event_id']}.{row['kind']}.{str(row['user_id'])[-12:]}",
        address=row["address"],
        name=row["full_name"] or "",
        language=texts.language,
        subject=texts.subject,
        text=texts.text,
        html=texts.html,
        calendar=calendar,
        method=method,
    )


@lru_cache(maxsize=1)
def settings() -> config.Settings:
    """The settings of this process."""
    return config.load(to_serve=False)


@lru_cache(maxsize=1)
def channels() -> Channels:
    """The channels of this process, made at the first message."""
    return Channels(settings())


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message_id": str(row["id"]),
        "kind": row["kind"],
        "channel": row["channel"],
        "attempt": row["attempt"],
    }
