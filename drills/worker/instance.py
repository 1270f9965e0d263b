"""`python -m drills.worker.instance`: a worker that also knows the task of the drill."""

from __future__ import annotations

import asyncio

from worker import db
from worker.__main__ import main
from worker.app import Backoff, app


class RefusedError(Exception):
    """What the drill makes an attempt end with."""


@app.task(name="drill", retry=Backoff(attempts=30, first=0.2, longest=2.0))
async def drill(order_id: int, seconds: float, failures: int) -> None:
    """Have an effect after `seconds`; the first `failures` runs fail."""
    (row,) = await db.call("begin_order", order_id=order_id)
    if row["begin_order"] <= failures:
        raise RefusedError("secret-of-the-error")
    await asyncio.sleep(seconds)
    await db.call("settle_order", order_id=order_id)


if __name__ == "__main__":
    main()
