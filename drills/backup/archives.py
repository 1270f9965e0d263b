"""Two ways to keep a backup and the WAL, and to restore a cluster to a moment from them."""

from __future__ import annotations

import secrets
import shutil
from datetime import datetime
from pathlib import Path

from scripts.server import Cluster
from scripts.system import CommandError, own_directory, server_command, server_user

STANZA = "telemed"
# Segments of WAL wait for their archive, which sets archive_command.
SETTINGS = {"archive_mode": "on", "archive_timeout": "60"}


class UnusableError(CommandError):
    """The program is missing or too old."""


class BaseBackup:
    """pg_basebackup, and copies of the segments of WAL. It needs nothing but PostgreSQL."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.base = cluster.base / "backup"
        self.wal = cluster.base / "wal"
        own_directory(self.wal, server_user())
        _set_archive_command(cluster, f"test ! -f {self.wal}/%f && cp %p {self.wal}/%f")

    def back_up(self) -> None:
        """Copy the cluster while it is in use."""
        server_command(
            self.cluster.binaries / "pg_basebackup",
            *("-h", str(self.cluster.socket), "-p", "5432", "-U", "postgres"),
            *("-D", str(self.base), "--checkpoint=fast", "--wal-method=none", "--no-sync"),
        )

    def restore(self, moment: datetime) -> None:
        """Put the data of a moment in the place of the cluster, which is gone. Do not start it."""
        server_command(Path("/bin/cp"), "-a", str(self.base), str(self.cluster.data))
        recovery = {
            "restore_command": f"cp {self.wal}/%f %p",
            "recovery_target_time": moment.isoformat(sep=" "),
            "recovery_target_action": "promote",
        }
        with (self.cluster.data / "postgresql.auto.conf").open("a") as configuration:
            configuration.writelines(f"{name} = '{value}'\n" for name, value in recovery.items())
        server_command(Path("/bin/touch"), str(self.cluster.data / "recovery.signal"))


class PgBackRest:
    """pgBackRest with an encrypted repository, as in docs/backup.md."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        folder = cluster.base / "pgbackrest"
        self.repository = folder / "repository"
        self.configuration = folder / "pgbackrest.conf"
        if not shutil.which("pgbackrest"):
            raise UnusableError("pgBackRest is not installed: apt-get install pgbackrest")
        for path in (folder, self.repository):
            own_directory(path, server_user())
        self.configuration.write_text(f"""\
[global]
repo1-path={self.repository}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass={secrets.token_urlsafe(48)}
repo1-retention-full=2
compress-type=zst
start-fast=y
log-level-console=warn
log-level-file=off
lock-path={folder}

[{STANZA}]
pg1-path={cluster.data}
pg1-socket-path={cluster.socket}
pg1-user=postgres
""")
        shutil.chown(self.configuration, server_user().pw_uid, server_user().pw_gid)
        self.configuration.chmod(0o600)
        try:
            self._run("stanza-create")
        except CommandError as error:
            if "is this version of PostgreSQL supported?" in str(error):
                raise UnusableError(
                    f"pgBackRest is older than PostgreSQL {cluster.version}"
                ) from None
            raise
        options = f"--config={self.configuration} --stanza={STANZA}"
        _set_archive_command(cluster, f"{_program()} {options} archive-push %p")
        self._run("check")

    def back_up(self, kind: str = "full") -> None:
        self._run("backup", f"--type={kind}")

    def restore(self, moment: datetime | None) -> None:
        """As BaseBackup.restore; None: to the end of the WAL in the repository."""
        own_directory(self.cluster.data, server_user())
        target = [f"--target={moment.isoformat(sep=' ')}", "--type=time"] if moment else []
        self._run("restore", "--target-action=promote" if moment else "--type=default", *target)

    def full_backups(self) -> int:
        return len(list((self.repository / "backup" / STANZA).glob("*F")))

    def _run(self, *command: str) -> None:
        options = (f"--config={self.configuration}", f"--stanza={STANZA}")
        server_command(_program(), *options, *command)


def has_plain_text(folder: Path, text: bytes) -> bool:
    """Whether a file of the folder contains the text."""
    return any(text in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _program() -> Path:
    return Path(shutil.which("pgbackrest") or "pgbackrest")


def _set_archive_command(cluster: Cluster, command: str) -> None:
    cluster.sql(f"alter system set archive_command = '{command}'")
    cluster.sql("select pg_reload_conf()")
