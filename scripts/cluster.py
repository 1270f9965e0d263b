"""Where the private clusters are, and how long they live: for development and for tests."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scripts.server import DATABASE, Cluster, digest
from scripts.system import (
    CHECKOUT,
    exit_on_signals,
    own_directory,
    run,
    server_command,
    server_user,
    uninterrupted,
)

# What a DBA of the clinic may do, and not what a superuser may: a login of development only.
DBA_LOGIN = "telemed_dba_dev"
CLUSTER_VARIABLE = "TEST_CLUSTER"  # the cluster that `make test` has pytest use
TEMPLATE_VARIABLE = "TEST_TEMPLATE"  # and `make drill NAME=mutants` which broken database
# A deployed database that tests clone.
TEMPLATE = os.environ.get(TEMPLATE_VARIABLE, "telemed_template")
SNAPSHOT = "snapshot"
THROWAWAY = "telemedicine-test-"
THROWAWAY_CONTEXT_KEY = "bf0715e1c8a1e2f84b35c7d2a9960d7e3f1a5b8c4d2e6f709182a3b4c5d6e7f8"
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


def development_cluster() -> Cluster:
    """The checkout's own cluster, which keeps its data.

    Root's is elsewhere, because the user `postgres` may not be allowed into the checkout.
    """
    if os.geteuid() == 0:
        return Cluster(Path("/var/lib/telemedicine") / digest(CHECKOUT))
    return Cluster(CHECKOUT / ".local" / "postgresql")


@contextlib.contextmanager
def shared(cluster: Cluster, prepare: Callable[[Cluster], None]) -> Iterator[None]:
    """A running, prepared cluster for several programs at once: the last to leave stops it.

    The kernel releases the locks of a killed program, so no cleanup is needed.
    """
    cluster.base.parent.mkdir(parents=True, exist_ok=True)
    with (
        cluster.base.with_suffix(".turn").open("a") as turn,
        cluster.base.with_suffix(".users").open("a") as users,
    ):
        # One at a time starts, deploys and stops; the next one finds it done.
        fcntl.flock(turn, fcntl.LOCK_EX)
        try:
            fcntl.flock(users, fcntl.LOCK_SH)
            cluster.start()
            prepare(cluster)
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield
        finally:
            fcntl.flock(turn, fcntl.LOCK_EX)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                cluster.stop()


@contextlib.contextmanager
def throwaway_cluster(
    settings: Mapping[str, str] = THROWAWAY_SETTINGS,
    parent: Path | None = None,
    snapshot: Path | None = None,
) -> Iterator[Cluster]:
    """A running cluster that is gone, with its data, when the block is left however it is.

    snapshot: the data that it begins with.
    """
    exit_on_signals()
    # Root's TMPDIR may be closed to the server's user.
    parent = parent or Path("/tmp" if os.geteuid() == 0 else tempfile.gettempdir())  # noqa: S108
    _remove_abandoned(parent)
    base = Path(tempfile.mkdtemp(prefix=THROWAWAY, dir=parent))
    cluster = Cluster(base, settings)
    # Held by this process. Another process that can take the lock knows that this one was killed.
    with (base / "new.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (base / "new.lock").rename(base / "lock")
        try:
            if snapshot:
                own_directory(base, server_user())
                _copy(snapshot, cluster.data)
            cluster.start()
            yield cluster
        finally:
            _remove(cluster)


@contextlib.contextmanager
def deployed_cluster(
    settings: Mapping[str, str] = THROWAWAY_SETTINGS, parent: Path | None = None
) -> Iterator[Cluster]:
    """A throw-away cluster with the deployed database TEMPLATE.

    Beside `make test` it is a copy of what was deployed there, and takes a second.
    """
    base = Path(os.environ.get(CLUSTER_VARIABLE, "/nowhere"))
    snapshot = base / SNAPSHOT if has_snapshot(base) else None
    with throwaway_cluster(settings, parent, snapshot) as cluster:
        if not snapshot:
            deploy(cluster, TEMPLATE)
        yield cluster


def take_snapshot(cluster: Cluster) -> None:
    """Keep the data of a cluster, which is stopped, for copies."""
    cluster.stop()
    _copy(cluster.data, cluster.base / SNAPSHOT)


def has_snapshot(base: Path) -> bool:
    """Whether there is one of the cluster in this folder."""
    return (base / SNAPSHOT).exists()


def _copy(data: Path, to: Path) -> None:
    server_command(Path("/bin/cp"), "-a", str(data), str(to))


def _remove_abandoned(parent: Path) -> None:
    for base in parent.glob(f"{THROWAWAY}*"):
        with contextlib.suppress(OSError):  # not ours, in use, or gone in the meantime
            if base.stat().st_uid == server_user().pw_uid:
                with (base / "lock").open() as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(Cluster(base))


def _remove(cluster: Cluster) -> None:
    with uninterrupted():
        cluster.stop()
        for path in {cluster.base, cluster.socket}:
            shutil.rmtree(path, ignore_errors=True)


def deploy(
    cluster: Cluster,
    database: str = DATABASE,
    context_key: str = THROWAWAY_CONTEXT_KEY,
    mfa_required_roles: str | None = "",
) -> None:
    """Bring a database up to the plan, creating it and the roles where they are missing.

    mfa_required_roles: the roles that require a second factor, none by default; None changes
    nothing. The verify scripts are left out: `sqitch verify` runs them in a test.
    """
    environment = cluster.environment(database) | {
        "CONTEXT_KEY": context_key,
        "PYTHON": sys.executable,
    }
    for name in ("APP_ENV", "MFA_REQUIRED_ROLES"):
        environment.pop(name, None)
    if mfa_required_roles is not None:
        environment["MFA_REQUIRED_ROLES"] = mfa_required_roles
    environment["DEPLOY_VERIFY"] = "no"
    run(("sh", "scripts/deploy.sh"), environment)
