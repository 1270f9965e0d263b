"""The deployment itself: every change verifies and reverts, and leaves nothing behind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from scripts.cluster import deploy
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError, run
from tests.migrations.drill import schema

DATABASE = "telemed_redeployed"
OWNER = {
    "PGOPTIONS": "-c role=telemed_owner",
    "SQITCH_FULLNAME": "Tests",
    "SQITCH_EMAIL": "tests@telemedicine.invalid",
}
# What is left in the database besides PostgreSQL's own and Sqitch's record of its work.
LEFT_BEHIND = """
    select nspname from pg_namespace
     where nspname not in ('pg_catalog', 'pg_toast', 'information_schema', 'public', 'sqitch')
       and nspname !~ '^pg_(toast_)?temp_'
    union all
    select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace
    union all
    select oid::regprocedure::text from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select extname from pg_extension where extname <> 'plpgsql'
    union all
    select defaclrole::regrole || ' default privileges' from pg_default_acl
"""


@pytest.fixture(scope="module")
def first_schema(cluster: Cluster) -> str:
    """A database is deployed, and its schema is written down."""
    deploy(cluster, DATABASE, mfa_required_roles=None)
    return schema(cluster, DATABASE)


def sqitch(cluster: Cluster, *arguments: str) -> str:
    environment = cluster.environment(DATABASE) | OWNER
    return run(("sqitch", *arguments, f"db:pg:{DATABASE}"), environment)


def test_every_change_verifies(cluster: Cluster, first_schema: str) -> None:
    assert "Verify successful" in sqitch(cluster, "verify")


def test_deployed_scripts_are_those_of_the_plan(cluster: Cluster, first_schema: str) -> None:
    assert "Check successful" in sqitch(cluster, "check")


def test_admins_and_doctors_need_a_second_factor_unless_it_is_said_that_they_do_not(
    cluster: Cluster, first_schema: str
) -> None:
    def required() -> str:
        roles = "select string_agg(name, ',' order by name) from app.roles"
        return cluster.sql(f"{roles} where second_factor_required", DATABASE)

    assert required() == "admin,doctor"
    for said, expected in (
        ("", ""),
        (None, ""),
        ("doctor, patient", "doctor,patient"),
        (None, "doctor,patient"),
    ):
        deploy(cluster, DATABASE, mfa_required_roles=said)
        assert required() == expected
    with pytest.raises(CommandError, match="MFA_REQUIRED_ROLES could not be put in force"):
        deploy(cluster, DATABASE, mfa_required_roles="doctor,nurse")
    environment = cluster.environment(DATABASE) | {"APP_ENV": "development"}
    environment.pop("MFA_REQUIRED_ROLES", None)
    run(("sh", "scripts/deploy.sh"), environment)
    assert required() == ""


def test_deploying_again_changes_nothing(cluster: Cluster, first_schema: str) -> None:
    deploy(cluster, DATABASE)
    assert schema(cluster, DATABASE) == first_schema


def test_every_change_reverts_and_deploys_again(cluster: Cluster, first_schema: str) -> None:
    sqitch(cluster, "revert", "-y")
    assert cluster.sql(LEFT_BEHIND, DATABASE) == ""

    deploy(cluster, DATABASE)
    assert schema(cluster, DATABASE) == first_schema


def test_reverting_leaves_the_other_databases_of_the_cluster_alone(
    cluster: Cluster, new_database: Callable[[], str], first_schema: str
) -> None:
    neighbour = new_database()
    before = schema(cluster, neighbour)
    sqitch(cluster, "revert", "-y")
    assert schema(cluster, neighbour) == before
    deploy(cluster, neighbour)


def test_every_verify_script_fails_where_nothing_is_deployed(cluster: Cluster) -> None:
    cluster.create_database("telemed_empty")
    environment = cluster.environment("telemed_empty")
    scripts = sorted((CHECKOUT / "db/verify").rglob("*.sql"))
    passing = [
        script.stem
        for script in scripts
        if subprocess.run(
            ("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", script),
            env=environment,
            capture_output=True,
        ).returncode
        == 0
    ]
    # Roles belong to the cluster: the other databases have made them.
    assert passing == ["roles"]
