"""Logical replication of a database to another server: the copy, and the changes after it.

Servers are named by the connection string of a superuser: `source` of the database, `target` of the
database of the same name, which need not be there yet.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from scripts.restore import restore_roles
from scripts.system import CommandError, run

# An update of such a table fails as soon as it is published.
UNIDENTIFIED = """
select c.oid::regclass::text from pg_class as c
 where c.relkind in ('r', 'p') and c.relpersistence = 'p' and c.relreplident = 'd'
   and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
   and not exists (select from pg_index as i where i.indrelid = c.oid and i.indisprimary)
"""
COPIED = "select count(*) > 0 and bool_and(srsubstate = 'r') from pg_subscription_rel"


def connect(server: str, dbname: str = "") -> psycopg.Connection:
    """A connection without transactions of its own. dbname: another database."""
    address = make_conninfo(server, dbname=dbname) if dbname else server
    return psycopg.connect(address, autocommit=True)


def ask(connection: psycopg.Connection, question: str | sql.Composed) -> Any:
    """The first value of the answer, if there is one."""
    text = question if isinstance(question, sql.Composed) else question.encode()
    cursor = connection.execute(text)
    row = cursor.fetchone() if cursor.description else None
    return row and row[0]


def wait_for(
    connection: psycopg.Connection, question: str, otherwise: str, seconds: float = 120
) -> None:
    """Ask until the answer is true. Raises CommandError, which begins with `otherwise`."""
    deadline = time.monotonic() + seconds
    while not ask(connection, question):
        if time.monotonic() > deadline:
            raise CommandError(f"{otherwise} ({seconds:.0f} s)")
        time.sleep(0.02)


def copy_schema(source: str, target: str, environment: Mapping[str, str]) -> None:
    """The roles that the target lacks, and the database without its rows.

    environment: for programs, of a version that is not older than either server. Raises
    CommandError.
    """
    with connect(source) as connection:
        if found := ask(connection, UNIDENTIFIED):
            raise CommandError(f"a table has no primary key, so it cannot be replicated: {found}")
    roles = run(("pg_dumpall", "--roles-only", "--no-comments", f"--dbname={source}"), environment)
    restore_roles(roles, target, environment)
    schema = run(
        (
            *("pg_dump", "--create", "--schema-only", "--no-publications", "--no-subscriptions"),
            f"--dbname={source}",
        ),
        environment,
    )
    there = make_conninfo(target, dbname="postgres")
    run(("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", there), environment, text=schema)


def follow(source: str, target: str, name: str, *, copy: bool) -> None:
    """The target gets all changes of the source from now on. Raises CommandError, psycopg.Error.

    name: of the publication, the subscription and the slot. copy: and the rows that are there.
    """
    published = sql.Identifier(name)
    with connect(source) as connection:
        exists = sql.SQL("select exists (select from pg_publication where pubname = {})")
        if not ask(connection, exists.format(name)):
            create = sql.SQL("create publication {} for all tables")
            ask(connection, create.format(published))
    with connect(target) as connection:
        # Row-level security is forced on the owner of the tables, which would apply the changes.
        owner = ", run_as_owner = true" if connection.info.server_version >= 160000 else ""
        options = sql.SQL(f"copy_data = {str(copy).lower()}{owner}")
        create = sql.SQL("create subscription {} connection {} publication {} with ({})")
        ask(connection, create.format(published, source, published, options))
        wait_for(connection, COPIED, "the rows are not copied", 24 * 3600 if copy else 120)
