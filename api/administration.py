"""The SQL of the commands for operators: each statement over a connection of its own.

Each function raises psycopg.Error; `reason` is its text for a terminal.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import psycopg
from psycopg.rows import class_row, tuple_row

from api import context
from api.config import Settings
from api.db import CONTEXT

SECONDS = 5  # to connect


class Server(NamedTuple):
    """A server, as a login sees it. seconds: its clock, since 1970."""

    login: str
    version: int
    is_read_only: bool
    is_encrypted: bool
    is_local: bool
    seconds: float


def server(url: str) -> Server:
    """The server of a connection string."""
    with psycopg.connect(url, connect_timeout=SECONDS) as connection:
        return (
            connection.cursor(row_factory=class_row(Server))
            .execute("""
                select current_user::text as login,
                       current_setting('server_version_num')::integer / 10000 as version,
                       current_setting('transaction_read_only') = 'on' as is_read_only,
                       coalesce(s.ssl, false) as is_encrypted,
                       coalesce(inet_server_addr() << '127.0.0.0/8'
                           or inet_server_addr() = '::1', true) as is_local,
                       extract(epoch from clock_timestamp())::float8 as seconds
                  from (select) as one
                  left join pg_stat_ssl as s on s.pid = pg_backend_pid()""")
            .fetchall()[0]
        )


class Place(NamedTuple):
    """Where a database is. seconds_behind: the age of the newest transaction there."""

    system: str
    database: str
    is_standby: bool
    seconds_behind: float


def place(url: str) -> Place:
    """The place of the database of a connection string."""
    with psycopg.connect(url, connect_timeout=SECONDS) as connection:
        return (
            connection.cursor(row_factory=class_row(Place))
            .execute("""
                select s.system_identifier::text as system,
                       current_database()::text as database,
                       pg_is_in_recovery() as is_standby,
                       coalesce(
                           extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())
                           ::float8, 'Infinity') as seconds_behind
                  from pg_control_system() as s""")
            .fetchall()[0]
        )


def functions(url: str) -> set[str]:
    """The functions of the schema api, as api.name."""
    names = _rows(
        url,
        """select 'api.' || p.proname
             from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace
            where n.nspname = 'api'""",
    )
    return {name for (name,) in names}


def heartbeat_age(settings: Settings) -> float | None:
    """How many seconds ago a worker has last been known to run; None if none is registered."""
    (age,) = _as_stranger(
        settings,
        """lateral (
            select extract(epoch from now() - h)::float8 as age from api.worker_heartbeat() as h
             where context.request_id is not null) as d""",
    )
    return cast(float | None, age)


def time_zone_data(settings: Settings, start: datetime) -> tuple[str, dict[str, str]]:
    """api.time_zone_data from `start` on: release, digest by zone."""
    release, names, digests = _as_stranger(
        settings,
        # The argument needs a column of `context`, so that the function cannot run first.
        """lateral api.time_zone_data(
            case when context.request_id is not null then %s::timestamptz end) as d""",
        start,
    )
    return release, dict(zip(names, digests, strict=True))


def broken_invariants(url: str) -> list[tuple[str, int]]:
    """(name, violations) of each invariant that does not hold, as the DBA of `url`."""
    return _rows(
        url, "select i.name, i.violations from ops.check_invariants() as i where i.violations > 0"
    )


def advice(url: str) -> list[tuple[str, str, str, str]]:
    """(severity, subject, found, advice) of ops.advise, as the DBA of `url`."""
    return _rows(url, "select a.severity, a.subject, a.found, a.advice from ops.advise() as a")


def keys_of_secrets(url: str) -> list[tuple[str, str | None, int]]:
    """(kind, key id, secrets) of ops.keys_of_secrets, as the DBA of `url`."""
    return _rows(url, "select k.kind, k.key_id, k.secrets from ops.keys_of_secrets() as k")


def create_admin(url: str, email: str, password_hash: str, full_name: str) -> str:
    """Create an admin, as the DBA of the connection string `url`. Returns the id of the account."""
    statement = "select id from ops.create_admin(%s, %s, %s)"
    return str(_rows(url, statement, (email, password_hash, full_name))[0][0])


def reason(error: psycopg.Error) -> str:
    """The first line of an error."""
    return error.diag.message_primary or str(error).splitlines()[0]


def _as_stranger(settings: Settings, call: str, *values: object) -> Any:
    """One row of a function that nobody need log in for, with a context that the API signs."""
    signature = context.sign(settings.context_key, "", "", "", "command-line")
    statement = f"{CONTEXT} select d.* from context cross join {call}"  # noqa: S608
    return _rows(settings.database_url, statement, ("", "", "command-line", signature, *values))[0]


def _rows(url: str, statement: str, values: Sequence[object] = ()) -> list[Any]:
    with psycopg.connect(url, connect_timeout=SECONDS) as connection:
        return connection.cursor(row_factory=tuple_row).execute(statement, values).fetchall()
