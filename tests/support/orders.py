"""`python -m tests.support.orders`: a worker that also knows the task `drill`.

A run of the task settles an order, a row that counts how often it was settled (EFFECTS).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from worker import db
from worker.__main__ import main
from worker.app import Backoff, app

EFFECTS = Path(__file__).with_name("orders.sql")


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
