"""All SQL of the worker's tasks: each calls a function of the schema `work`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from api import telemetry

if TYPE_CHECKING:
    from opentelemetry.trace import Span

APPLICATION = "telemedicine-worker"
NAME = re.compile(r"[a-z_]+")
MORE_CONNECTIONS = 3  # beside one for each running job: heartbeat, schedule, watch

# While the statement runs, pg_stat_activity and log_line_prefix (%a) show its trace. `offset 0`:
# the function runs after the name is set.
TRACED = b"""
with trace as materialized (
    select set_config('application_name', %%(application_name)s, true) as name
)
select called.* from trace cross join lateral (%b where trace.name is not null offset 0) as called
"""

Row = dict[str, Any]


class Call(Protocol):
    """A function like `call`."""

    async def __call__(self, function: str, **arguments: object) -> list[Row]: ...


# The span of the job that runs here, if it is traced.
span_of_job: ContextVar[Span | None] = ContextVar("span_of_job", default=None)
_pool: AsyncConnectionPool[AsyncConnection[Any]] | None = None


def new_pool(url: str, concurrency: int) -> AsyncConnectionPool[AsyncConnection[Any]]:
    """The connections of this process, which `call` uses from now on; not open yet."""
    global _pool
    _pool = AsyncConnectionPool(
        make_conninfo(
            url,
            application_name=APPLICATION,
            connect_timeout=3,
            # A host that has vanished silently is given up after about ten seconds.
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=10_000,
        ),
        # Nothing is prepared, so that a pooler may stand in between.
        kwargs={"autocommit": True, "prepare_threshold": None},
        check=AsyncConnectionPool.check_connection,
        min_size=1,
        max_size=concurrency + MORE_CONNECTIONS,
        timeout=10,
        reconnect_timeout=1,
        open=False,
    )
    return _pool


async def call(function: str, **arguments: object) -> list[Row]:
    """The rows that the function `work.<function>` returns, each by the names of its columns.

    The call is one transaction. arguments: SQL parameters without `p_`; a dict, or a list of dicts,
    is sent as jsonb. A function that returns one value returns one row with a column of its own
    name. Raises psycopg.Error.
    """
    async with _connection() as connection:
        return await _call(connection, function, **arguments)


@contextlib.asynccontextmanager
async def transaction() -> AsyncIterator[Call]:
    """Several calls in one transaction, which ends with the block."""
    async with _connection() as connection, connection.transaction():
        yield partial(_call, connection)


def _connection() -> contextlib.AbstractAsyncContextManager[AsyncConnection[Any]]:
    if _pool is None:
        raise RuntimeError("new_pool has not been called in this process")
    return _pool.connection()


async def _call(connection: AsyncConnection[Any], function: str, **arguments: object) -> list[Row]:
    for name in (function, *arguments):
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of a function or an argument")
    passed = ", ".join(f"p_{name} => %({name})s" for name in arguments)
    statement = f"select * from work.{function}({passed})".encode()  # noqa: S608
    values = {name: _adapt(value) for name, value in arguments.items()}
    job = span_of_job.get()
    span = telemetry.begin_statement(job, statement) if job else None
    if span:
        statement = TRACED % statement
        values["application_name"] = f"{APPLICATION} {telemetry.trace_id(span)}"
    try:
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()
    finally:
        if span:
            span.end()


def _adapt(value: object) -> object:
    if isinstance(value, dict) or (
        isinstance(value, list) and value and isinstance(value[0], dict)
    ):
        return Jsonb(value)
    return value
