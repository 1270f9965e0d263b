"""A primary and its standby."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping

from scripts.cluster import TEMPLATE, THROWAWAY_SETTINGS, deployed_cluster
from scripts.server import Cluster
from scripts.system import own_directory, server_command, server_user


class Pair:
    """Two servers; after a promotion they change places."""

    def __init__(self, primary: Cluster, standby: Cluster) -> None:
        self.primary = primary
        self.standby = standby
        self._follows = False  # whether the standby follows the primary

    def url(self, database: str = TEMPLATE, user: str = "telemed_api") -> str:
        """Both servers: who connects finds the primary. The standby comes first."""
        hosts = ",".join(str(c.socket) for c in (self.standby, self.primary))
        return f"postgresql://{user}@/{database}?host={hosts}&port=5432&target_session_attrs=read-write"

    def restore(self) -> None:
        """Both servers run, and the standby follows the primary; a copy of it, if need be."""
        self.primary.start()
        if not self._follows:
            self.standby.stop()
            shutil.rmtree(self.standby.data, ignore_errors=True)
            own_directory(self.standby.base, server_user())
            server_command(
                self.primary.binaries / "pg_basebackup",
                *("-h", str(self.primary.socket), "-p", "5432", "-U", "postgres"),
                *("-D", str(self.standby.data), "--write-recovery-conf"),
                *("--checkpoint=fast", "--no-sync"),
            )
            self._follows = True
        self.standby.start()

    def promote(self) -> None:
        """Promote the standby. What becomes of the primary is up to the caller."""
        server_command(
            self.standby.binaries / "pg_ctl", "promote", "-s", "-w", "-D", str(self.standby.data)
        )
        self.primary, self.standby = self.standby, self.primary
        self._follows = False

    def wait_for_standbys(self, names: str) -> None:
        """Commits wait for these standbys: synchronous_standby_names."""
        self.primary.sql(f"alter system set synchronous_standby_names = '{names}'")
        self.primary.sql("select pg_reload_conf()")
        wait_until(lambda: self.primary.sql("show synchronous_standby_names") == names)


@contextlib.contextmanager
def pair_of_servers(settings: Mapping[str, str] | None = None) -> Iterator[Pair]:
    """A copy of the cluster that most tests share, and a standby of it. Commits are synchronous."""
    chosen = THROWAWAY_SETTINGS | {"synchronous_commit": "on"} | dict(settings or {})
    with deployed_cluster(chosen) as one:
        other = Cluster(one.base / "other", chosen)  # deleted with the folder of the first
        pair = Pair(one, other)
        try:
            pair.restore()
            yield pair
        finally:
            other.stop()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.02)
