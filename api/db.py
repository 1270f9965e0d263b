"""All SQL of the API: one statement per request.

A statement sets the context of the caller and calls one function. In autocommit mode that is one
transaction and one round trip. PostgreSQL builds the JSON, and its bytes pass through unchanged,
except that times get a Z (api.times).

COMMIT travels with the statement. If the connection is lost after the statement was sent, its
outcome is unknown. A request that is safe to repeat (it reads, or has an idempotency key) is then
sent once more. Every other request is answered with 503, which says that the outcome is unknown.

A request with a deadline (api.deadline) sends the time limit of its statement in the same round
trip and the same transaction. PostgreSQL cancels and rolls back what takes longer.

A transaction whose wait for the synchronous standby was cut short is committed on the primary only,
and a fail-over may lose it. PostgreSQL reports it as done, with a warning. Here its outcome is
unknown, as after a lost connection: 503.

Only prepared statements depend on the database session, so a pooler may run each statement on
another connection of the server. See DATABASE_POOLER in `.env.example`.
"""

import contextlib
import json
import random
import re
import time
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

import psycopg
from flask import g, request
from psycopg.conninfo import make_conninfo
from psycopg.errors import (
    DeadlockDetected,
    DuplicatePreparedStatement,
    InvalidSqlStatementName,
    QueryCanceled,
    ReadOnlySqlTransaction,
    SerializationFailure,
    TransactionResolutionUnknown,
)
from psycopg.pq import ExecStatus
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool, PoolTimeout

from api import context, deadline, present, times
from api.config import Settings, current
from api.connection import Connection, Notice
from api.errors import from_database
from api.logs import log

NAME = re.compile(r"[a-z_]+")
REPLAYED = "TM000"
# The warnings of a commit that did not wait for the synchronous standby until the end: because of
# pg_cancel_backend, or because the server ends the connection. No function of ours sends them.
NOT_REPLICATED = ("01000", "57P01")
RETRIES = 3
RECONNECT_SECONDS = 1.0  # minimum time between two replacements of all connections

# `materialized`: the context is set before the function in the select list runs. The time zone is
# set here too, whatever database, role, DATABASE_URL and pooler set. It costs no round trip, and
# PgBouncer would refuse it as a start-up parameter.
CONTEXT = """
with context as materialized (
    select set_config('app.user_id', %s, true) as user_id,
           set_config('app.role', %s, true) as role,
           set_config('app.request_id', %s, true) as request_id,
           set_config('app.proof', %s, true) as proof,
           set_config('TimeZone', 'UTC', true) as time_zone
)
"""


_pool: ConnectionPool[Connection] | None = None
_look_for_pooler = True
_prepare = True  # whether statements are prepared
_reconnected_at = 0.0


def open_pool(settings: Settings) -> None:
    """Open the connections of this process, after the fork: processes cannot share a connection.

    Returns at once. While the server cannot be reached, each request tries again.
    """
    global _pool, _look_for_pooler, _prepare, _reconnected_at
    Connection.answer_timeout = settings.database_answer_timeout_seconds
    _look_for_pooler = settings.database_pooler == "auto"
    _prepare = settings.database_pooler != "transaction"
    _reconnected_at = 0.0
    _pool = ConnectionPool(
        make_conninfo(
            settings.database_url,
            application_name="telemedicine-api",
            connect_timeout=3,
            # A host that has vanished silently is given up after about ten seconds.
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=10_000,
        ),
        connection_class=Connection,
        kwargs={"autocommit": True},
        configure=_configure,
        min_size=settings.database_pool_size,
        max_size=settings.database_pool_size,
        timeout=settings.database_pool_timeout_seconds,
        # Short, because the pause between two attempts doubles; a request starts at once.
        reconnect_timeout=1,
        num_workers=1,
        open=False,
    )
    _pool.open()


def close_pool() -> None:
    """Close the connections of this process."""
    if _pool is not None:
        _pool.close()


def call(function: str, **arguments: object) -> bytes:
    """The row that the function `api.<function>` returns, as JSON.

    arguments: SQL parameters without `p_`; a list of dicts is sent as jsonb. Raises Problem for a
    refusal that the database has committed, otherwise psycopg.Error: psycopg_pool.PoolTimeout if no
    connection becomes free in time.
    """
    return _execute(
        _row(function, tuple(arguments)),
        tuple(arguments.values()),
        repeatable=arguments.get("idempotency_key") is not None,
    )


def run(function: str, **arguments: object) -> None:
    """Call a function and ignore its result. Raises as `call` does."""
    _execute(_void(function, tuple(arguments)), tuple(arguments.values()))


def items(function: str, **arguments: object) -> bytes:
    """All rows of a function that returns a set: {"items": [...], "next_cursor": null}."""
    return _execute(_set(function, tuple(arguments)), tuple(arguments.values()))


def page(function: str, *, limit: int, **arguments: object) -> bytes:
    """One page of a list: {"items": [...], "next_cursor": the cursor of the next page, or null}.

    The function writes that cursor to the setting app.next_cursor. Raises as `call` does.
    """
    names = ("limit", *arguments)
    return _execute(_page(function, names), (limit, *arguments.values()))


def ping(seconds: float) -> None:
    """Raise psycopg.Error unless the server answers within `seconds` and accepts writes."""
    with _borrow(seconds) as connection:
        server = connection.pgconn
        server.send_query(b"show transaction_read_only")
        if not connection.is_readable(seconds):
            # Closed, so that no later request gets the late answer.
            connection.close()
            raise psycopg.OperationalError("the server does not answer")
        answer = b""
        while (result := server.get_result()) is not None:
            if result.status == ExecStatus.TUPLES_OK:
                answer = result.get_value(0, 0) or b""
    if answer == b"on":
        # A load balancer sends no requests to an instance that is not ready, so no request would
        # make it reconnect.
        _reconnect()
        raise ReadOnlySqlTransaction("the server is read-only")
    if answer != b"off":
        raise psycopg.OperationalError("the server answers with an error")


def worker_heartbeat() -> tuple[str | None, float | None]:
    """The last heartbeat of a worker, and its age in seconds. Raises psycopg.Error."""
    statement = _statement("""
        select (
            select json_build_object(
                'heartbeat_at', h at time zone 'UTC', 'age', extract(epoch from now() - h))
              from api.worker_heartbeat() as h
             where context.request_id is not null)
          from context""")
    with _borrow() as connection:
        found = json.loads(connection.value(statement, _context(), prepare=False))
    heartbeat = found["heartbeat_at"]
    return (heartbeat and f"{heartbeat}Z"), found["age"]


def time_zone_data(settings: Settings, start: datetime) -> tuple[str, dict[str, str]]:
    """api.time_zone_data from `start` on, over a separate connection: release, digest by zone."""
    signature = context.sign(settings.context_key, "", "", "", "time-zones")
    # The argument needs a column of `context`, so that the function cannot run first.
    argument = "case when context.request_id is not null then %s::timestamptz end"
    call = f"api.time_zone_data({argument}) as d"
    statement = f"{CONTEXT} select d.* from context cross join lateral {call}"  # noqa: S608
    with psycopg.connect(settings.database_url, connect_timeout=5) as connection:
        row = connection.execute(statement, ("", "", "time-zones", signature, start)).fetchone()
    release, names, digests = row or ("", [], [])
    return release, dict(zip(names, digests, strict=True))


def create_admin(url: str, email: str, password_hash: str, full_name: str) -> str:
    """Create an admin, as the DBA of the connection string `url`. Returns the id of the account."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        statement = "select id from ops.create_admin(%s, %s, %s)"
        row = connection.execute(statement, (email, password_hash, full_name)).fetchone()
    return str(row[0]) if row else ""


def _execute(statement: bytes, values: tuple[object, ...], *, repeatable: bool = False) -> bytes:
    parameters = _context() + tuple(_adapt(value) for value in values)
    repeatable = repeatable or request.method in ("GET", "HEAD")
    conflicts = losses = 0
    reconnected = False
    ends = present.variables().get("deadline")
    while True:
        with _borrow(ends=ends) as connection:
            prepare = _prepare
            try:
                limit = None if ends is None else deadline.seconds_left(ends)
                value = connection.value(statement, parameters, prepare=prepare, limit=limit)
                if any(notice.sqlstate in NOT_REPLICATED for notice in connection.notices):
                    g.outcome_is_unknown = not repeatable
                    raise TransactionResolutionUnknown("committed, and perhaps not replicated")
                return _answer(value, connection.notices)
            except QueryCanceled:
                if ends is None or time.monotonic() < ends:
                    raise
                raise deadline.passed() from None
            except (InvalidSqlStatementName, DuplicatePreparedStatement):
                # A pooler chose another connection than the prepared one. Nothing has run.
                if not prepare:
                    raise
                _prepare_nothing()
            except ReadOnlySqlTransaction:
                # A standby, or a former primary. Nothing has run, and a new primary may exist.
                if reconnected:
                    raise
                reconnected = True
                _reconnect()
            except (SerializationFailure, DeadlockDetected):
                # The whole transaction was rolled back: it is safe to repeat.
                conflicts += 1
                if conflicts > RETRIES:
                    raise
            except psycopg.OperationalError:
                if not connection.closed:
                    raise
                losses += 1
                g.outcome_is_unknown = not repeatable
                # Not after a timeout: the client has waited long enough.
                if losses > 1 or not repeatable or not connection.broken:
                    raise
                # The lost attempt may have been committed, so no deadline may say that it was not.
                ends = None
        time.sleep(random.uniform(0, 0.01 * 2**conflicts))  # noqa: S311


def _context() -> tuple[str, str, str, str]:
    g = present.variables()
    user_id, role = g.get("user_id", ""), g.get("role", "")
    session_id, request_id = g.get("session_id", ""), g.get("request_id", "")
    signature = context.sign(current().context_key, user_id, role, session_id, request_id)
    return user_id, role, request_id, signature


def _answer(value: bytes, notices: list[Notice]) -> bytes:
    present.variables().replayed = any(notice.sqlstate == REPLAYED for notice in notices)
    for sqlstate, message, detail in notices:
        if sqlstate.startswith("TM") and sqlstate != REPLAYED:
            # A refusal that had to be committed, such as a failed log-in that counts.
            more = times.with_z(detail.encode()).decode()
            raise from_database(sqlstate, message, more=more)
    return times.with_z(value)


def _adapt(value: object) -> object:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return Jsonb(value)
    return value


@contextlib.contextmanager
def _borrow(seconds: float | None = None, *, ends: float | None = None) -> Iterator[Connection]:
    if _pool is None:
        raise RuntimeError("open_pool has not been called in this process")
    if ends is not None:
        seconds = min(_pool.timeout, deadline.seconds_left(ends))
    # There are at most as many dead connections in a row as the pool has. The check of the pool
    # itself would pause after the first.
    for _ in range(_pool.max_size + 1):
        try:
            connection = _pool.getconn(seconds)
        except PoolTimeout:
            if ends is not None:
                deadline.seconds_left(ends)
            raise
        if not connection.closed and not connection.is_readable(0):
            break
        # Readable while idle means that the server closed the connection. Nothing has been sent, so
        # another one can be used. The check costs no round trip.
        connection.close()
        _pool.putconn(connection)
    else:
        raise psycopg.OperationalError("the server has closed every connection")
    try:
        yield connection
    finally:
        _pool.putconn(connection)


def _configure(connection: Connection) -> None:
    if _look_for_pooler and _prepare and not _is_direct(connection):
        _prepare_nothing()


def _is_direct(connection: Connection) -> bool:
    """Whether the connection has no pooler: a pooler invents the number of its process."""
    pid = connection.value(b"select pg_catalog.pg_backend_pid()", (), prepare=False)
    return int(pid) == connection.info.backend_pid


def _prepare_nothing() -> None:
    global _prepare
    if _prepare:
        _prepare = False
        log.warning("pooler", found=True, prepared_statements=False)


def _reconnect() -> None:
    """Replace every connection; those in use when they are returned."""
    global _reconnected_at
    now = time.monotonic()
    if _pool is not None and now - _reconnected_at >= RECONNECT_SECONDS:
        _reconnected_at = now
        _pool.drain()


@lru_cache
def _row(function: str, names: tuple[str, ...]) -> bytes:
    return _statement(f"select to_json({_call(function, names)}) from context")  # noqa: S608


@lru_cache
def _void(function: str, names: tuple[str, ...]) -> bytes:
    return _statement(f"select {_call(function, names)} is null from context")  # noqa: S608


# The function stands in a sub-select that needs a column of `context`, so it cannot run first.
@lru_cache
def _set(function: str, names: tuple[str, ...]) -> bytes:
    return _statement(f"""
        select (
            select json_build_object(
                'items', coalesce(json_agg(r), '[]'::json),
                'next_cursor', null)
              from {_call(function, names)} as r
             where context.request_id is not null)
          from context""")  # noqa: S608


# PostgreSQL evaluates the columns beside an aggregate after it, so app.next_cursor is set by then.
@lru_cache
def _page(function: str, names: tuple[str, ...]) -> bytes:
    return _statement(f"""
        select (
            select json_build_object(
                'items', coalesce(json_agg(r), '[]'::json),
                'next_cursor', nullif(current_setting('app.next_cursor', true), ''))
              from {_call(function, names)} as r
             where context.request_id is not null)
          from context""")  # noqa: S608


def _call(function: str, names: tuple[str, ...]) -> str:
    for name in (function, *names):
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of a function or an argument")
    return f"api.{function}({', '.join(f'p_{name} => %s' for name in names)})"


def _statement(call_part: str) -> bytes:
    """The whole statement, with $1, $2 and so on for each %s."""
    first, *others = (CONTEXT + call_part).split("%s")
    numbered = (f"${number}{part}" for number, part in enumerate(others, 1))
    return "".join((first, *numbered)).encode()
