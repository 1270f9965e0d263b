"""The short form of `make drill NAME=migrations`, and a change that is reworked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from drills.migrations.drill import OWNER, changes_of, drill, releases
from drills.stage import durable_cluster
from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from scripts.system import CHECKOUT, run
from tests.support.long import long
from tests.support.schema import schema

# On a slow machine, a request waits longer than in production for a connection and for its answer.
PATIENT = {"DATABASE_POOL_TIMEOUT_SECONDS": "60", "DATABASE_ANSWER_TIMEOUT_SECONDS": "60"}


def test_release_is_deployed_and_reverted_under_load(tmp_path: Path) -> None:
    with durable_cluster() as cluster:
        result = drill(
            cluster,
            tmp_path,
            clients=8,
            seconds=1,
            seed="short",
            rounds=1,
            settings=PATIENT,
        )
    assert result.sound, (result.failed[:5], result.violations, result.difference)
    assert len(result.changes) > 2
    assert result.operations > 20


def test_every_release_has_changes() -> None:
    assert len(releases()) >= 3
    assert [tag for tag in releases() if not changes_of(tag)] == []


@long
def test_released_function_is_reworked(
    cluster: Cluster, new_database: Callable[[], str], tmp_path: Path
) -> None:
    """`make rework` after a release, in a copy of the checkout."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("sqitch.plan", "sqitch.conf", "db", "scripts"):
        source = CHECKOUT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    change = "operations/clinic_overview"
    subprocess.run(
        ("sh", "scripts/rework.sh", change, "Say it better"),
        cwd=copy,
        check=True,
        env=cluster.environment() | OWNER,
    )
    deploy = copy / f"db/deploy/{change}.sql"
    text = deploy.read_text()
    assert "create or replace function ops.clinic_overview" in text
    deploy.write_text(text.replace("Returns figures of the clinic", "At a glance: figures"))

    def sqitch(database: str, *arguments: str) -> None:
        result = subprocess.run(
            ("sqitch", "--quiet", *arguments, f"db:pg:{database}"),
            cwd=copy,
            env=cluster.environment(database) | OWNER,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stdout + result.stderr

    released, fresh = new_database(), "telemed_reworked"
    sqitch(released, "deploy")
    assert "At a glance" in schema(cluster, released)
    run(("createdb", "-O", "telemed_owner", "-T", "template0", fresh), cluster.environment())
    sqitch(fresh, "deploy")
    # As scripts/deploy.sh does: the library of the queue makes its own tables.
    run((sys.executable, "-m", "worker.schema"), cluster.environment(fresh))
    assert schema(cluster, fresh) == schema(cluster, released)
    sqitch(released, "revert", "-y", "--to", "@HEAD^")
    assert schema(cluster, released) == schema(cluster, TEMPLATE)
