"""`python -m scripts.restore FOLDER`: restore to another server what scripts.backup wrote.

The server is that of the PG* variables; its version may be newer than that of the dump. The login
is a superuser. The database PGDATABASE (telemed) must not exist. Roles that the server has stay as
they are; the others come with the dump. The variables of scripts/deploy.sh have their effect, such
as API_DATABASE_PASSWORD.

The copy refuses the context signatures of the original: it accepts CONTEXT_KEY, or else a new key,
which is printed for the API of the copy.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from scripts.backup import files
from scripts.server import DATABASE
from scripts.system import CHECKOUT, CommandError, command_line, run, say

# A statement about a role in a dump of pg_dumpall. A name is quoted if it has to be.
STATEMENT = re.compile(r'(?:CREATE|ALTER) ROLE ("(?:[^"]|"")+"|[^\s;"]+)')
# Without it the superuser who restores is the grantor: since PostgreSQL 16 a grantor needs rights
# that the former one may not have here.
GRANTOR = re.compile(r' GRANTED BY ("(?:[^"]|"")+"|[^\s;"]+);$')


def main() -> None:
    parser = argparse.ArgumentParser(prog="restore", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that scripts.backup wrote")
    parser.add_argument("--seals", type=Path, help="exported seals of the audit log: compare them")
    arguments = parser.parse_args()
    os.environ.setdefault("PGDATABASE", DATABASE)
    roles, dump = files(arguments.folder)
    for file in (roles, dump, *filter(None, [arguments.seals])):
        if not file.exists():
            raise CommandError(f"{file} does not exist")
    require_new_database()
    restore_roles(roles.read_text())
    restore_database(dump)
    deploy()
    replace_context_keys()
    run(("psql", "-Xqc", "analyze"), os.environ)
    check(arguments.seals)


def connect(database: str = "", server: str = "") -> psycopg.Connection:
    """A connection to a server: by default that of the PG* variables."""
    return psycopg.connect(server, dbname=database or os.environ["PGDATABASE"], autocommit=True)


def require_new_database() -> None:
    """Raise CommandError unless the login is a superuser and the database does not exist."""
    name = os.environ["PGDATABASE"]
    with connect("postgres") as connection:
        row = connection.execute(
            "select r.rolsuper, exists (select from pg_database as d where d.datname = %s)"
            " from pg_roles as r where r.rolname = current_user",
            (name,),
        ).fetchone()
    superuser, exists = row or (False, False)
    if not superuser:
        raise CommandError("the login must be a superuser")
    if exists:
        raise CommandError(f"the database {name} exists on this server: drop it, or set PGDATABASE")


def restore_roles(dump: str, server: str = "", environment: Mapping[str, str] = os.environ) -> None:
    """Create the roles that are missing, and the memberships of all.

    server: a connection string, by default that of the PG* variables.
    """
    with connect("postgres", server) as connection:
        present = {
            name for (name,) in connection.execute("select quote_ident(rolname) from pg_roles")
        }
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:  # only its owner can read it
        for line in dump.splitlines():
            statement = STATEMENT.match(line)
            if not (statement and statement[1] in present):
                script.write(GRANTOR.sub(";", line) + "\n")
        script.flush()
        command = (
            "psql",
            "-Xq",
            "-1",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            make_conninfo(server, dbname="postgres"),
            "-f",
            script.name,
        )
        run(command, environment)


def restore_database(dump: Path) -> None:
    """Create the database, and all that the dump has."""
    name = os.environ["PGDATABASE"]
    run(
        (
            *("createdb", "--maintenance-db=postgres", "-O", "telemed_owner", "-T", "template0"),
            *("-E", "UTF8", "--locale=C.UTF-8", name),
        ),
        os.environ,
    )
    jobs = len(os.sched_getaffinity(0))
    run(
        ("pg_restore", "--exit-on-error", f"--jobs={jobs}", f"--dbname={name}", str(dump)),
        os.environ,
    )


def deploy() -> None:
    """Restore the rights and the settings of the database, which no dump has."""
    variables = {name: value for name, value in os.environ.items() if name != "CONTEXT_KEY"}
    run(("sh", "scripts/deploy.sh"), variables | {"PYTHON": sys.executable})


def replace_context_keys() -> None:
    """Have the database accept one key and no other; print it if it is new."""
    given = os.environ.get("CONTEXT_KEY")
    key = given or secrets.token_hex(32)
    with connect() as connection:
        connection.execute("set role telemed_dba")
        # A parameter, which the server does not log after scripts/deploy.sh.
        connection.execute("select ops.replace_context_keys(%s)", (key,))
    if not given:
        say(f"restore: the copy accepts the context signatures of this key only\nCONTEXT_KEY={key}")


def check(seals: Path | None) -> None:
    """Raise CommandError if an invariant is violated or the audit log differs from its seals."""
    with connect() as connection:
        connection.execute("set role telemed_dba")
        violated = connection.execute(
            "select name, violations, examples from ops.check_invariants() where violations > 0"
        ).fetchall()
        problems = connection.execute(
            "select problem, seal_id, audit_id from ops.verify_audit()"
        ).fetchall()
    for name, number, examples in violated:
        say(f"restore: invariant {name}: {number} violations, such as {examples[0]}")
    for problem, seal, row in problems:
        say(f"restore: audit log: {problem}, seal {seal}, row {row}")
    outside = subprocess.run(
        (
            *(sys.executable, "-m", "scripts.verify_audit"),
            *("--database", f"dbname={os.environ['PGDATABASE']}"),
            *(("--seals", str(seals.absolute())) if seals else ()),
        ),
        cwd=CHECKOUT,
    )
    if violated or problems or outside.returncode:
        raise CommandError("the copy is there, but it is NOT SOUND: see above")
    say("restore: all invariants hold, and the audit log fits its seals")


if __name__ == "__main__":
    command_line("restore", main)
