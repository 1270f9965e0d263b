"""Tasks of the queue itself."""

from worker import db
from worker.app import BACKOFF, app


@app.task(name="dispatch_event", retry=BACKOFF)
async def dispatch_event(event_id: int) -> None:
    """Add the messages and deliveries that an event calls for."""
    await db.call("dispatch_event", event_id=event_id)
