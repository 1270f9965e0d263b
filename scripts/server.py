"""A private PostgreSQL server.

It listens on a Unix socket in a directory that only its owner may enter, never on a port, so it
disturbs no other server. For root, whom PostgreSQL refuses, it runs as the packages' user
`postgres`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg

from scripts.system import (
    CommandError,
    installation,
    own_directory,
    server_command,
    server_user,
    uninterrupted,
)

DATABASE = "telemed"


class Cluster:
    """One server with everything it keeps in the folder `base`."""

    def __init__(
        self, base: Path, settings: Mapping[str, str] | None = None, version: str = ""
    ) -> None:
        """version: the major version, if it is not the one that PG=NN or the packages decide."""
        self.base = base
        installed = installation(version)
        self.binaries = installed.binaries
        self.version = installed.version
        self.data = base / f"data-{self.version}"
        self.log = base / "postgresql.log"
        self.socket = socket_directory(base)
        libraries = [
            name
            for name in ("plpgsql_check", "pg_stat_statements")
            if (installed.libraries / f"{name}.so").exists()
        ]
        self.settings = {"shared_preload_libraries": ",".join(libraries), **(settings or {})}

    def start(self) -> None:
        with uninterrupted():
            if self.running():
                return
            self.prepare()
            self._forget_other_processes()
            if self.log.exists():
                self.log.replace(self.base / "postgresql.previous.log")
            self._start_server()

    def prepare(self, *options: str) -> None:
        """Make the data directory and the settings. options: of initdb."""
        own_directory(self.base, server_user())
        own_directory(self.socket, server_user())
        if not self.data.exists():
            self._initialise(*options)
        self._write_settings()

    def stop(self) -> None:
        with uninterrupted():
            if not self.running():
                return
            command = ("stop", "-s", "-w", "-t", "30", "-D", str(self.data), "-m")
            try:
                server_command(self.binaries / "pg_ctl", *command, "fast")
            except CommandError:
                server_command(self.binaries / "pg_ctl", *command, "immediate")

    def running(self) -> bool:
        return self._is_ours(self.data / "postmaster.pid")

    def url(self, database: str = DATABASE, user: str = "postgres") -> str:
        # With the port: without it, a PGPORT of the environment would apply.
        return f"postgresql://{quote(user)}@/{quote(database)}?host={self.socket}&port=5432"

    def environment(self, database: str = DATABASE, user: str = "postgres") -> dict[str, str]:
        """os.environ for psql, sqitch and the like: this server, and no trace of another one."""
        others = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        return others | {
            "PATH": f"{self.binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PGHOST": str(self.socket),
            "PGPORT": "5432",
            "PGUSER": user,
            "PGDATABASE": database,
        }

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What `psql -At` prints for statements that the superuser runs in one transaction."""
        lines: list[str] = []
        try:
            # With options: without them, a PGOPTIONS of the environment would apply.
            with psycopg.connect(self.url(database), autocommit=True, options="") as connection:
                cursor = connection.execute(statement.encode())
                while (result := cursor.pgresult) is not None:
                    lines += [
                        "|".join(
                            (result.get_value(row, column) or b"").decode()
                            for column in range(result.nfields)
                        )
                        for row in range(result.ntuples)
                    ]
                    if not cursor.nextset():
                        break
        except psycopg.Error as error:
            raise CommandError(f"{database}: {error}") from error
        return "\n".join(lines).rstrip("\n")

    def create_database(self, name: str, template: str = "template0") -> None:
        """A new database; a clone of a deployed one gets its owner, rights and settings, too."""
        self.sql(f'create database "{name}" template "{template}"')
        if template == "template0":
            return
        self.sql(
            self.sql(
                f"""
                select format('alter database %1$I owner to %2$I; revoke all on database %1$I '
                              'from public, %2$I; ', '{name}', owner.rolname)
                       || string_agg(format('grant %s on database %I to %s;', privilege_type,
                              '{name}', coalesce(quote_ident(grantee.rolname), 'public')), ' ')
                       || coalesce((
                           select string_agg(format('alter database %I set %I = %L;', '{name}',
                               split_part(setting, '=', 1), split_part(setting, '=', 2)), ' ')
                             from pg_db_role_setting, unnest(setconfig) as setting
                            where setdatabase = pg_database.oid and setrole = 0), '')
                  from pg_database
                  join pg_roles owner on owner.oid = datdba
                 cross join aclexplode(coalesce(datacl, acldefault('d', datdba)))
                  left join pg_roles grantee on grantee.oid = aclexplode.grantee
                 where datname = '{template}'
                 group by pg_database.oid, owner.rolname
                """
            )
        )

    def drop_database(self, name: str) -> None:
        self.sql(f'drop database if exists "{name}" with (force)')

    def _initialise(self, *options: str) -> None:
        # Under another name first: an initdb that was killed half-way must not look complete.
        unfinished = self.base / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        server_command(
            self.binaries / "initdb",
            *("-D", str(unfinished), "-U", "postgres", "-A", "trust"),
            *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            *options,
        )
        with (unfinished / "postgresql.conf").open("a") as configuration:
            configuration.write("include 'telemedicine.conf'\n")
        unfinished.rename(self.data)

    def _write_settings(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket),
            "timezone": "UTC",
            "log_timezone": "UTC",
        } | self.settings
        path = self.data / "telemedicine.conf"
        path.write_text("".join(f"{key} = '{value}'\n" for key, value in settings.items()))
        path.chmod(0o644)

    def _start_server(self) -> None:
        command = ("start", "-s", "-w", "-t", "60", "-D", str(self.data), "-l", str(self.log))
        deadline = time.monotonic() + 10
        while True:
            try:
                server_command(self.binaries / "pg_ctl", *command)
                break
            except CommandError as error:
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
                # The children of a server that was killed need a moment to notice it.
                if "shared memory block" not in tail or time.monotonic() > deadline:
                    raise CommandError(f"{error}\n{tail}") from None
                time.sleep(0.2)

    def _forget_other_processes(self) -> None:
        """Remove lock files whose process number belongs to an innocent process by now.

        That happens after a power cut or in a restarted container. A number that nobody has is
        left to PostgreSQL, which also looks for surviving children then.
        """
        for path in (self.data / "postmaster.pid", self.socket / ".s.PGSQL.5432.lock"):
            if _process(path) and not self._is_ours(path):
                path.unlink()

    def _is_ours(self, pid_file: Path) -> bool:
        return os.fsencode(self.data) in _process(pid_file)


def _process(pid_file: Path) -> list[bytes]:
    """The command line of the process that a lock file names, empty when there is none."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return []


def socket_directory(base: Path) -> Path:
    """`base` itself, unless its path is too long for a socket or needs quoting somewhere."""
    if len(str(base)) < 80 and re.fullmatch(r"[A-Za-z0-9._/-]+", str(base)):
        return base
    return Path(f"/tmp/telemedicine-{os.geteuid()}-{digest(base)}")  # noqa: S108


def digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
