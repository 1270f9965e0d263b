"""`python -m worker.schema`: brings the tables of the library procrastinate up to its version.

scripts/deploy.sh runs it after Sqitch, in the database of the PG* variables. A new database gets
the schema of the installed library; an older one gets the migrations of the library that it lacks,
in their order, each in a transaction of its own. The name of the last one stands in the comment of
the schema (app.queue_migration), so that a worker with another version of the library refuses to
start. Repeated, it changes nothing.
"""

import sys
from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql

LOCK = "select pg_advisory_lock(hashtextextended('procrastinate', 0))"
OWNER = "set role telemed_owner"
# Types and tables are made in the first schema.
PATH = "set search_path = procrastinate, pg_catalog"


class SchemaError(Exception):
    """The tables and the library do not fit. The text is one line and says what to do."""


def migrations() -> list[Path]:
    """The migrations of the installed library, in their order."""
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def latest() -> str:
    """The name of the last one."""
    return migrations()[-1].stem


def missing(applied: str) -> list[Path]:
    """The migrations after the one with the name `applied`. Raises SchemaError if it is unknown."""
    known = migrations()
    names = [path.stem for path in known]
    if applied not in names:
        raise SchemaError(
            f"the queue has the migration {applied} of procrastinate, which the installed version"
            " does not know: install the version of requirements.txt"
        )
    return known[names.index(applied) + 1 :]


def require_current(applied: str | None) -> None:
    """Raise SchemaError unless the tables have exactly the migrations of the installed library."""
    if applied is None or missing(applied):
        raise SchemaError(
            f"the tables of the queue have the migration {applied or '(none)'}, and the installed"
            f" procrastinate needs {latest()}: run scripts/deploy.sh"
        )


def apply(connection: psycopg.Connection) -> None:
    """Bring the tables up to date. The connection is in autocommit mode."""
    for statement in (LOCK, OWNER, PATH):
        connection.execute(statement.encode())
    row = connection.execute("select app.queue_migration()").fetchone()
    applied = row[0] if row else None
    if applied is None:
        _run(connection, SchemaManager.get_schema(), latest())
    for path in missing(applied) if applied else []:
        _run(connection, path.read_text(), path.stem)
    # Again, for what a new version of app.adapt_queue does.
    _run(connection, "", latest())


def _run(connection: psycopg.Connection, script: str, migration: str) -> None:
    with connection.transaction():
        if script:
            connection.execute(script.encode())
        connection.execute(sql.SQL("select app.adapt_queue({})").format(migration))


def main() -> None:
    """Apply; an error is one line."""
    try:
        # The server, the database and the login are those of the PG* variables.
        with psycopg.connect("", autocommit=True) as connection:
            apply(connection)
    except SchemaError as error:
        sys.exit(f"worker: {error}")


if __name__ == "__main__":
    main()
