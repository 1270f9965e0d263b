"""`python -m scripts.backup FOLDER`: dump a database and the roles of its server.

The server is that of the PG* variables, the database PGDATABASE (telemed). The login is a member of
telemed_backup, or a superuser; only a superuser can read the passwords of the roles, so that the
dump of any other login has none. The folder must not exist: it is complete once it does.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from scripts.server import DATABASE
from scripts.system import CommandError, command_line, run, say


def main() -> None:
    parser = argparse.ArgumentParser(prog="backup", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder to write, which must not exist")
    folder = parser.parse_args().folder.absolute()
    if folder.exists():
        raise CommandError(f"{folder} exists: name a folder that does not")
    os.environ.setdefault("PGDATABASE", DATABASE)
    os.umask(0o077)  # every row of every patient
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    back_up(*files(unfinished))
    unfinished.rename(folder)
    for file in files(folder):
        say(f"backup: {file}, {file.stat().st_size:,} bytes")


def files(folder: Path) -> tuple[Path, Path]:
    """The roles and the dump of the database in a folder."""
    return folder / "roles.sql", folder / "database.dump"


def back_up(roles: Path, dump: Path) -> None:
    """Write the two files."""
    superuser = run(("psql", "-XAtc", "show is_superuser"), os.environ).strip() == "on"
    passwords = [] if superuser else ["--no-role-passwords"]
    role = [] if superuser else ["--role=telemed_backup"]
    run(("pg_dumpall", "--roles-only", "--no-comments", *passwords, f"--file={roles}"), os.environ)
    run(("pg_dump", "--format=custom", *role, f"--file={dump}"), os.environ)


if __name__ == "__main__":
    command_line("backup", main)
