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

A primary that was replaced, and does not know it yet, would refuse what the new one accepts. So
whatever answers a change waits for the standby, also if it has written nothing: an answer in its
own transaction (api.confirm_answer), a refusal that was rolled back in another one, before it is
answered. Without a synchronous standby there is no such wait, and no second round trip.

Only prepared statements depend on the database session, so a pooler may run each statement on
another connection of the server. See DATABASE_POOLER in `.env.example`.

With DATABASE_REPLICA_URL, a list that decides nothing (api.replicas) is first sent to a standby,
in a read-only transaction. Whatever goes wrong there, the primary answers: the standby may be away,
slow, or behind what the caller has to see, and what it refuses may be out of date.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import psycopg
from flask import g
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

from api import context, deadline, measures, present, replicas, telemetry, times
from api.config import Settings, current
from api.connection import Connection, Notice, ReplicaConnection
from api.errors import from_database, status_of
from api.logs import log

if TYPE_CHECKING:
    from opentelemetry.trace import Span

NAME = re.compile(r"[a-z_]+")
APPLICATION = "telemedicine-api"
ABOUT_THE_ANSWER = "TM0"  # the family of the notices that are no refusal
REPLAYED = "TM000"
UNCONFIRMED = "TM001"
# The warnings of a commit that did not wait for the synchronous standby until the end: because of
# pg_cancel_backend, or because the server ends the connection. No function of ours sends them.
NOT_REPLICATED = ("01000", "57P01")
RETRIES = 3
SHOW_SECONDS = 0.5  # between two looks at the pool for the metrics
NOTABLE_WAIT_SECONDS = 0.001  # a free connection takes a few microseconds
RECONNECT_SECONDS = 1.0  # minimum time between two replacements of all connections
REPLICA_WAIT_SECONDS = 0.02  # for a connection to the replica; the primary is there, too
REPLICA_RECONNECT_SECONDS = 30.0  # its address may lead to a primary for long
WATCH_SECONDS = 2.0  # between two looks at the replicas; no request pays for it

# `materialized`: the context is set before the function in the select list runs. The time zone is
# set here too, whatever database, role, DATABASE_URL and pooler set. It costs no round trip, and
# PgBouncer would refuse it as a start-up parameter. So is what the server sends: without its
# warnings, a commit that did not wait for the standby would look like any other one.
CONTEXT = """
with context as materialized (
    select set_config('app.user_id', %s, true) as user_id,
           set_config('app.role', %s, true) as role,
           set_config('app.request_id', %s, true) as request_id,
           set_config('app.proof', %s, true) as proof,
           set_config('TimeZone', 'UTC', true) as time_zone,
           set_config('client_min_messages', 'notice', true) as messages
)
"""
ZONE = "set_config('TimeZone', 'UTC', true) as time_zone"
# On a replica. A standby takes no write anyway; a server that was promoted would.
READ_ONLY = CONTEXT.replace(
    ZONE, f"{ZONE},\n           set_config('transaction_read_only', 'on', true) as read_only"
)
# For a change: whether the standby has to confirm what the change does not write. Looked up each
# time, because a failover changes it. The notice of the function comes also before an exception.
IS_UNCONFIRMED = """case
               when current_setting('synchronous_standby_names') <> ''
                   or current_setting('transaction_read_only') = 'on'
               then api.require_confirmation() end as is_unconfirmed"""
# A transaction that has written waits without this column.
CONFIRMED = b"""case
           when context.is_unconfirmed and pg_current_xact_id_if_assigned() is null
           then api.confirm_answer() end"""
# Which database it is: the standbys of a server have its identifier.
IDENTITY = b"""
select system_identifier || ' ' || current_database() from pg_catalog.pg_control_system()
"""
# How many seconds ago the newest transaction was committed that the standby has replayed.
LAG = b"""
select coalesce(extract(epoch from clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())
           ::double precision, 'Infinity'),
       system_identifier || ' ' || current_database()
  from pg_catalog.pg_control_system()
 where pg_catalog.pg_is_in_recovery()
"""


class Database:
    """The connections of this process to the database of one clinic."""

    connection_class = Connection

    def __init__(self, settings: Settings, url: str) -> None:
        self.prepares = settings.database_pooler != "transaction"  # whether it prepares statements
        self._looks_for_pooler = settings.database_pooler == "auto"
        self._reconnected_at = 0.0
        self.pool: ConnectionPool[Connection] = ConnectionPool(
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
            connection_class=self.connection_class,
            kwargs={"autocommit": True},
            configure=self._configure,
            min_size=settings.database_pool_size,
            max_size=settings.database_pool_size,
            timeout=settings.database_pool_timeout_seconds,
            # Short, because the pause between two attempts doubles; a request starts at once.
            reconnect_timeout=1,
            num_workers=1,
            open=False,
        )

    def _configure(self, connection: Connection) -> None:
        if self._looks_for_pooler and self.prepares and not _is_direct(connection):
            self.prepare_nothing()

    def prepare_nothing(self) -> None:
        """Prepare no statement from now on."""
        if self.prepares:
            self.prepares = False
            log.warning("pooler", found=True, prepared_statements=False)

    def reconnect(self, least: float | None = None) -> None:
        """Replace every connection; those in use when they are returned.

        least: the time between two of these, in seconds.
        """
        now = time.monotonic()
        if now - self._reconnected_at >= (least or RECONNECT_SECONDS):
            self._reconnected_at = now
            self.pool.drain()


class Replica(Database):
    """The connections of this process to the standby from which a clinic reads.

    is_usable: whether it has answered the last time. `look` finds out; until then no request tries.
    """

    connection_class = ReplicaConnection

    def __init__(self, settings: Settings, primary: Database) -> None:
        super().__init__(settings, settings.database_replica_url)
        self._primary = primary
        self._identity = b""  # of the primary
        self.most_seconds = settings.database_replica_lag_seconds
        self.timeout = float(settings.database_replica_timeout_seconds)
        self.is_usable = False
        self._clinic = settings.clinic

    def look(self) -> None:
        """See whether it answers and is a standby of the primary, and show how far it is behind."""
        # While the primary is away, it stays the one that it was. A clinic may move to another.
        with contextlib.suppress(psycopg.Error), _borrow(pool=self._primary.pool) as connection:
            self._identity = connection.value(IDENTITY, (), prepare=False)
        lag = math.inf
        try:
            with _borrow(pool=self.pool) as connection:
                connection.answer_timeout = self.timeout
                found = connection.value(LAG, (), prepare=False)
                is_standby = bool(found) and connection.second == self._identity
        except psycopg.Error:
            self.is_usable = False
        else:
            self.is_usable = is_standby
            if is_standby:
                lag = float(found)
            else:  # promoted, or of another server: its address may lead to a standby now
                self.reconnect(REPLICA_RECONNECT_SECONDS)
        measures.show_replica(self._clinic, lag)


_databases: dict[str, Database] = {}  # by the name of the clinic; that of an only one is empty
_replicas: dict[str, Replica] = {}  # of the clinics that have one


def open_pool(settings: Settings) -> None:
    """Open the connections of this process, after the fork: processes cannot share a connection.

    Once for each clinic. Returns at once. While the server cannot be reached, each request tries
    again.
    """
    Connection.answer_timeout = settings.database_answer_timeout_seconds
    is_first = not _databases
    _databases[settings.clinic] = database = Database(settings, settings.database_url)
    database.pool.open()
    if is_first:
        threading.Thread(target=_show, daemon=True).start()
    if settings.database_replica_url:
        _open_replica(settings, database)


def close_pool() -> None:
    """Close the connections of this process."""
    for opened in (_replicas, _databases):
        while opened:
            opened.popitem()[1].pool.close()


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
    return _read(_set, function, tuple(arguments), tuple(arguments.values()))


def page(function: str, *, limit: int, **arguments: object) -> bytes:
    """One page of a list: {"items": [...], "next_cursor": the cursor of the next page, or null}.

    The function writes that cursor to the setting app.next_cursor. Raises as `call` does.
    """
    names = ("limit", *arguments)
    return _read(_page, function, names, (limit, *arguments.values()))


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
        _database().reconnect()
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


def _read(
    statement: Callable[..., bytes],
    function: str,
    names: tuple[str, ...],
    values: tuple[object, ...],
) -> bytes:
    """A list, from the replica if it may and can answer. statement: _set or _page."""
    if _replicas and "from_replica" in present.variables():
        replica = _replicas.get(current().clinic)
        if replica is not None:
            answer = _from_replica(replica, statement(function, names, on_replica=True), values)
            if answer is not None:
                return answer
    return _execute(statement(function, names), values)


def _from_replica(replica: Replica, statement: bytes, values: tuple[object, ...]) -> bytes | None:
    """The answer of the replica. None if the primary has to answer."""
    if not replica.is_usable:
        measures.count_replica_read("away")
        return None
    asked = (replicas.given(), replica.most_seconds)
    parameters = (*_context(), *asked, *(_adapt(value) for value in values))
    span, statement, parameters = _traced_call(statement, parameters)
    # Half of the time, so that enough is left for the primary.
    ends = present.variables().get("deadline")
    limit = None if ends is None else deadline.seconds_left(ends) / 2
    connection: Connection | None = None
    try:
        with _borrow(REPLICA_WAIT_SECONDS, pool=replica.pool) as connection:
            # A bit longer than the limit, which a server that is merely busy keeps.
            patience = replica.timeout if limit is None else limit * 1.5
            connection.answer_timeout = min(replica.timeout, patience)
            value = _value(connection, span, statement, parameters, replica.prepares, limit)
            notices = connection.notices
    except PoolTimeout:
        outcome = "busy"
    except (InvalidSqlStatementName, DuplicatePreparedStatement):
        replica.prepare_nothing()
        outcome = "refused"
    except psycopg.Error as error:
        is_lost = connection is None or connection.closed
        outcome = "away" if is_lost else "refused"
        # A caller in a hurry does not decide about the replica; `look` does.
        if is_lost and limit is None:
            replica.is_usable = False
            log.warning("replica", usable=False, error=type(error).__name__)
    else:
        measures.count_replica_read("answered" if value else "behind")
        return _answer(value, notices) if value else None
    measures.count_replica_read(outcome)
    return None


def _execute(statement: bytes, values: tuple[object, ...], *, repeatable: bool = False) -> bytes:
    needs_position = bool(_replicas) and current().clinic in _replicas and replicas.is_wanted()
    if needs_position:
        statement = _positioned(statement)
    reads = present.request().method in ("GET", "HEAD")
    if not reads:
        statement = _confirmed(statement)
    parameters = _context() + tuple(_adapt(value) for value in values)
    variables = present.variables()
    span, statement, parameters = _traced_call(statement, parameters)
    repeatable = repeatable or reads
    conflicts = losses = 0
    reconnected = False
    ends = variables.get("deadline")
    database = _database()
    while True:
        with _borrow(ends=ends) as connection:
            prepare = database.prepares
            try:
                limit = None if ends is None else deadline.seconds_left(ends)
                try:
                    value = _value(connection, span, statement, parameters, prepare, limit)
                except psycopg.Error as error:
                    if _is_unconfirmed(error, connection.notices):
                        _value(connection, span, CONFIRMATION, _context(), prepare, None)
                        _require_replicated(connection, repeatable)
                    raise
                _require_replicated(connection, repeatable)
                if needs_position:
                    replicas.keep(connection.second.decode())
                return _answer(value, connection.notices)
            except QueryCanceled:
                if ends is None or time.monotonic() < ends:
                    raise
                raise deadline.passed() from None
            except (InvalidSqlStatementName, DuplicatePreparedStatement):
                # A pooler chose another connection than the prepared one. Nothing has run.
                if not prepare:
                    raise
                database.prepare_nothing()
            except ReadOnlySqlTransaction:
                # A standby, or a former primary. Nothing has run, and a new primary may exist.
                if reconnected:
                    raise
                reconnected = True
                database.reconnect()
            except (SerializationFailure, DeadlockDetected):
                # The whole transaction was rolled back: it is safe to repeat.
                conflicts += 1
                if conflicts > RETRIES:
                    raise
                measures.count_retry("conflict")
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
                measures.count_retry("lost")
        time.sleep(random.uniform(0, 0.01 * 2**conflicts))  # noqa: S311


def _value(
    connection: Connection,
    span: Span | None,
    statement: bytes,
    parameters: tuple[object, ...],
    prepare: bool,
    limit: float | None,
) -> bytes:
    call = telemetry.begin_statement(span, statement) if span else None
    began = time.perf_counter()
    try:
        return connection.value(statement, parameters, prepare=prepare, limit=limit)
    finally:
        measures.took(time.perf_counter() - began)
        if call:
            call.end()


def _context() -> tuple[str, str, str, str]:
    g = present.variables()
    user_id, role = g.get("user_id", ""), g.get("role", "")
    session_id, request_id = g.get("session_id", ""), g.get("request_id", "")
    signature = context.sign(current().context_key, user_id, role, session_id, request_id)
    return user_id, role, request_id, signature


def _answer(value: bytes, notices: list[Notice]) -> bytes:
    present.variables().replayed = any(notice.sqlstate == REPLAYED for notice in notices)
    for sqlstate, message, detail in notices:
        if sqlstate.startswith("TM") and not sqlstate.startswith(ABOUT_THE_ANSWER):
            # A refusal that had to be committed, such as a failed log-in that counts.
            more = times.with_z(detail.encode()).decode()
            raise from_database(sqlstate, message, more=more)
    return times.with_z(value)


def _adapt(value: object) -> object:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return Jsonb(value)
    return value


@contextlib.contextmanager
def _borrow(
    seconds: float | None = None,
    *,
    ends: float | None = None,
    pool: ConnectionPool[Connection] | None = None,
) -> Iterator[Connection]:
    """A connection, by default to the primary of the clinic of the present request."""
    if pool is None:
        pool = _database().pool
    if ends is not None:
        seconds = min(pool.timeout, deadline.seconds_left(ends))
    # There are at most as many dead connections in a row as the pool has. The check of the pool
    # itself would pause after the first.
    for _ in range(pool.max_size + 1):
        began = time.perf_counter()
        try:
            connection = pool.getconn(seconds)
        except PoolTimeout:
            if ends is not None:
                deadline.seconds_left(ends)
            raise
        finally:
            waited = time.perf_counter() - began
            if waited > NOTABLE_WAIT_SECONDS:
                measures.waited(waited)
        if not connection.closed and not connection.is_readable(0):
            break
        # Readable while idle means that the server closed the connection. Nothing has been sent, so
        # another one can be used. The check costs no round trip.
        connection.close()
        pool.putconn(connection)
    else:
        raise psycopg.OperationalError("the server has closed every connection")
    try:
        yield connection
    finally:
        pool.putconn(connection)


def _database() -> Database:
    """That of the clinic of the present request."""
    try:
        return _databases[current().clinic]
    except KeyError:
        raise RuntimeError("open_pool has not been called in this process") from None


def _show() -> None:
    """Show the state of all pools in the metrics until they are closed; no request pays for it."""
    while pools := [database.pool for database in list(_databases.values())]:
        figures = [pool.get_stats() for pool in pools]
        size = sum(each["pool_size"] for each in figures)
        free = sum(each["pool_available"] for each in figures)
        waiting = sum(each["requests_waiting"] for each in figures)
        measures.show_pool(size, size - free, waiting)
        time.sleep(SHOW_SECONDS)


def _open_replica(settings: Settings, primary: Database) -> None:
    is_first = not _replicas
    _replicas[settings.clinic] = replica = Replica(settings, primary)
    replica.pool.open()
    if is_first:
        threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    """Look at all replicas until they are closed."""
    while found := list(_replicas.values()):
        for replica in found:
            replica.look()
        time.sleep(WATCH_SECONDS)


def _is_direct(connection: Connection) -> bool:
    """Whether the connection has no pooler: a pooler invents the number of its process."""
    pid = connection.value(b"select pg_catalog.pg_backend_pid()", (), prepare=False)
    return int(pid) == connection.info.backend_pid


@lru_cache
def _row(function: str, names: tuple[str, ...]) -> bytes:
    return _statement(f"select to_json({_call(function, names)}) from context")  # noqa: S608


@lru_cache
def _void(function: str, names: tuple[str, ...]) -> bytes:
    return _statement(f"select {_call(function, names)} is null from context")  # noqa: S608


@lru_cache
def _set(function: str, names: tuple[str, ...], *, on_replica: bool = False) -> bytes:
    return _list(function, names, "null", on_replica)


# PostgreSQL evaluates the columns beside an aggregate after it, so app.next_cursor is set by then.
@lru_cache
def _page(function: str, names: tuple[str, ...], *, on_replica: bool = False) -> bytes:
    cursor = "nullif(current_setting('app.next_cursor', true), '')"
    return _list(function, names, cursor, on_replica)


def _list(function: str, names: tuple[str, ...], cursor: str, on_replica: bool) -> bytes:
    # The function stands in a sub-select that needs a column of `context`, so it cannot run first.
    rows = f"""(
            select json_build_object(
                'items', coalesce(json_agg(r), '[]'::json),
                'next_cursor', {cursor})
              from {_call(function, names)} as r
             where context.request_id is not null)"""  # noqa: S608
    if on_replica:
        rows = f"""
            case when context.read_only = 'on' and api.has_replayed(%s, %s) then {rows} end"""
        return _statement(f"select {rows} from context", READ_ONLY)  # noqa: S608
    return _statement(f"select {rows} from context")  # noqa: S608


@lru_cache
def _positioned(statement: bytes) -> bytes:
    """The statement with a second column, evaluated after the first: the position of its write."""
    head, _, tail = statement.rpartition(b"from context")
    return b"%b, api.read_position() from context%b" % (head, tail)


@lru_cache
def _confirmed(statement: bytes) -> bytes:
    """The statement of a change with a last column, by which its commit waits for the standby."""
    zone = ZONE.encode()
    statement = statement.replace(zone, b"%b,\n           %b" % (zone, IS_UNCONFIRMED.encode()), 1)
    head, _, tail = statement.rpartition(b"from context")
    return b"%b, %b from context%b" % (head, CONFIRMED, tail)


def _require_replicated(connection: Connection, repeatable: bool) -> None:
    """Raise TransactionResolutionUnknown if the commit has not waited until the end."""
    if any(notice.sqlstate in NOT_REPLICATED for notice in connection.notices):
        g.outcome_is_unknown = not repeatable
        raise TransactionResolutionUnknown("committed, and perhaps not replicated")


def _is_unconfirmed(error: psycopg.Error, notices: list[Notice]) -> bool:
    """Whether it is a refusal of a server that may have been replaced."""
    if not error.sqlstate or status_of(error.sqlstate) >= 500:
        return False
    return any(notice.sqlstate == UNCONFIRMED for notice in notices)


def _traced_call(
    statement: bytes, parameters: tuple[object, ...]
) -> tuple[Span | None, bytes, tuple[object, ...]]:
    """The span of the present request, and the statement as the trace needs it."""
    variables = present.variables()
    span, trace = variables.get("span"), variables.get("trace")
    if trace and trace.sampled:
        statement = _traced(statement, len(parameters))
        parameters = (*parameters, f"{APPLICATION} {trace.trace_id}")
    return span, statement, parameters


@lru_cache
def _traced(statement: bytes, parameters: int) -> bytes:
    """The statement with one more parameter: the application name while it runs.

    pg_stat_activity and log_line_prefix (%a) show it, so a DBA finds the trace of a slow statement.
    """
    zone = ZONE.encode()
    name = b"set_config('application_name', $%d, true) as application_name" % (parameters + 1)
    return statement.replace(zone, b"%b,\n           %b" % (zone, name), 1)


def _call(function: str, names: tuple[str, ...]) -> str:
    for name in (function, *names):
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of a function or an argument")
    return f"api.{function}({', '.join(f'p_{name} => %s' for name in names)})"


def _statement(call_part: str, context_part: str = CONTEXT) -> bytes:
    """The whole statement, with $1, $2 and so on for each %s."""
    first, *others = (context_part + call_part).split("%s")
    numbered = (f"${number}{part}" for number, part in enumerate(others, 1))
    return "".join((first, *numbered)).encode()


# A refusal was rolled back, so another transaction waits for the standby.
CONFIRMATION = _statement("select api.confirm_answer() from context")
