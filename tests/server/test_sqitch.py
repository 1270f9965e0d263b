"""Sqitch: every change deploys, verifies and reverts, and a revert leaves nothing behind."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from scripts.cluster import TEMPLATE, deploy
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError, run
from tests.support.schema import OWNER, schema, verified

DATABASE = "telemed_redeployed"
# The first change of the plan. Sqitch in strict mode requires a target of the revert.
EVERYTHING = ("--to", "@ROOT")
# Tables that only the deployment fills. Their rows are settings and keys: no data is lost.
FILLED_BY_DEPLOYMENT = {
    "activity_folds",
    "clinic_settings",
    "consultation_transitions",
    "context_keys",
    "event_origin",
    "log_in_limits",
    "roles",
    "secrets",
}
# Statements that lose rows, and the guard before them.
LOSES_ROWS = re.compile(
    r"^\s*(?:drop table (?:if exists )?app\.(\w+)"
    r"|alter table (?:only )?app\.(\w+)\s+drop column"
    r"|truncate (?:table )?app\.(\w+)|delete from app\.(\w+))",
    re.M | re.I,
)
GUARD = re.compile(r"^select app\.refuse_to_lose_rows\('(\w+)'", re.M)
# Objects in the database that belong to neither PostgreSQL nor Sqitch.
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
    """The schema of a deployed database."""
    cluster.create_database(DATABASE, TEMPLATE)
    return schema(cluster, DATABASE)


def required_roles(cluster: Cluster) -> str:
    """The roles that require a second factor."""
    roles = "select string_agg(name, ',' order by name) from app.roles"
    return cluster.sql(f"{roles} where second_factor_required", DATABASE)


def sqitch(cluster: Cluster, *arguments: str, database: str = DATABASE) -> str:
    environment = cluster.environment(database) | OWNER
    return run(("sqitch", *arguments, f"db:pg:{database}"), environment)


def deployed_changes(cluster: Cluster, database: str) -> list[str]:
    return cluster.sql(
        "select change from sqitch.changes order by committed_at, planned_at", database
    ).split()


def tables_with_rows(cluster: Cluster, database: str) -> set[str]:
    tables = cluster.sql(
        "select relname from pg_class where relnamespace = 'app'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition",
        database,
    ).split()
    query = " union all ".join(
        f"(select '{table}' from app.{table} limit 1)" for table in sorted(tables)
    )
    return set(cluster.sql(query, database).split())


def test_every_deployed_change_verifies(cluster: Cluster, first_schema: str) -> None:
    result = verified(cluster, DATABASE)
    assert (result.returncode, result.stderr) == (0, "")


def test_deployed_scripts_match_the_plan(cluster: Cluster, first_schema: str) -> None:
    assert "Check successful" in sqitch(cluster, "check")


def test_second_deployment_changes_nothing(cluster: Cluster, first_schema: str) -> None:
    deploy(cluster, DATABASE)
    assert schema(cluster, DATABASE) == first_schema


def test_every_change_reverts_and_deploys_again(
    cluster: Cluster, new_database: Callable[[], str], first_schema: str
) -> None:
    neighbour = new_database()
    before = schema(cluster, neighbour)
    sqitch(cluster, "revert", "-y", *EVERYTHING)
    assert cluster.sql(LEFT_BEHIND, DATABASE) == ""
    assert schema(cluster, neighbour) == before, "another database of the cluster has changed"
    deploy(cluster, neighbour)

    deploy(cluster, DATABASE, mfa_required_roles=None)
    assert schema(cluster, DATABASE) == first_schema
    assert required_roles(cluster) == "admin,doctor"


def test_deployment_requires_a_second_factor_of_the_roles_of_its_setting(
    cluster: Cluster, first_schema: str
) -> None:
    for setting, expected in (("doctor, patient", "doctor,patient"), (None, "doctor,patient")):
        deploy(cluster, DATABASE, mfa_required_roles=setting)
        assert required_roles(cluster) == expected
    with pytest.raises(CommandError, match="MFA_REQUIRED_ROLES could not be put in force"):
        deploy(cluster, DATABASE, mfa_required_roles="doctor,nurse")
    environment = cluster.environment(DATABASE) | {"APP_ENV": "development"}
    environment.pop("MFA_REQUIRED_ROLES", None)
    run(("sh", "scripts/deploy.sh"), environment)
    assert required_roles(cluster) == ""


@pytest.mark.parametrize("target", [(), EVERYTHING], ids=["everything", "to a change"])
def test_unconfirmed_revert_reverts_nothing(
    cluster: Cluster, new_database: Callable[[], str], target: tuple[str, ...]
) -> None:
    database = new_database()
    before = deployed_changes(cluster, database)
    result = subprocess.run(
        ("sqitch", "revert", *target, f"db:pg:{database}"),
        cwd=CHECKOUT,
        env=cluster.environment(database) | OWNER,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    assert re.search("Nothing reverted|target revision", result.stdout + result.stderr)
    assert deployed_changes(cluster, database) == before


def test_revert_with_rows_needs_permission(
    cluster: Cluster, new_database: Callable[[], str]
) -> None:
    """One account stops the revert, before it drops any function of the first release."""
    database = new_database()
    cluster.sql(
        f"select ops.create_admin('a@b.example', '$2b$12${'a' * 53}', 'Ada Admin')", database
    )
    with pytest.raises(CommandError) as refused:
        sqitch(cluster, "revert", "-y", *EVERYTHING, database=database)
    assert "app.events has rows" in str(refused.value)
    assert "-c app.revert_data=yes" in str(refused.value), "no permission is named"
    plan = (CHECKOUT / "sqitch.plan").read_text()
    kept = re.findall(r"^(\w+/\w+)", plan.partition("\noperations/check_invariants ")[0], re.M)
    assert len(kept) > 100
    assert {*kept} <= {*deployed_changes(cluster, database)}
    assert cluster.sql("select email from app.users", database) == "a@b.example"

    environment = cluster.environment(database) | OWNER
    environment["PGOPTIONS"] += " -c app.revert_data=yes"
    run(("sqitch", "revert", "-y", "--to", "events/events^", f"db:pg:{database}"), environment)
    assert cluster.sql("select to_regclass('app.events') is null", database) == "t"


def test_every_revert_that_loses_rows_has_a_guard() -> None:
    unguarded = []
    found = set()
    for folder in ("db/revert", "db/reworked/revert"):
        for path in sorted((CHECKOUT / folder).rglob("*.sql")):
            text = path.read_text()
            for statement in LOSES_ROWS.finditer(text):
                table = next(filter(None, statement.groups()))
                found.add(table)
                if table not in {*GUARD.findall(text[: statement.start()]), *FILLED_BY_DEPLOYMENT}:
                    unguarded.append(f"{path.relative_to(CHECKOUT)}: app.{table}")
    assert len(found) > 15
    assert unguarded == [], "select app.refuse_to_lose_rows('...') is missing before these"


def test_every_table_is_dropped_by_one_revert(
    cluster: Cluster, new_database: Callable[[], str]
) -> None:
    """A drop that LOSES_ROWS does not match would need no guard."""
    text = "\n".join(path.read_text() for path in (CHECKOUT / "db/revert").rglob("*.sql"))
    dropped = [match.group(1) for match in LOSES_ROWS.finditer(text) if match.group(1)]
    tables = cluster.sql(
        "select relname from pg_class where relnamespace = 'app'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition",
        new_database(),
    )
    assert sorted(dropped) == sorted(tables.split())


def test_every_guard_refuses_while_rows_exist(
    cluster: Cluster, new_database: Callable[[], str]
) -> None:
    """In a clinic with rows in nearly every table, one guard at a time."""
    database = new_database()
    assert tables_with_rows(cluster, database) == {*FILLED_BY_DEPLOYMENT, "audit_logs"}
    environment = cluster.environment(database)
    run(
        ("psql", "-Xq", "-v", f"password_hash=$2b$12${'a' * 53}", "-f", "db/demo/demo_data.sql"),
        environment,
    )
    full = tables_with_rows(cluster, database)
    tried, wrong = 0, []
    for path in sorted((CHECKOUT / "db/revert").rglob("*.sql")):
        for statement in re.findall(
            r"^select app\.refuse_to_lose_rows\([^;]*", path.read_text(), re.M
        ):
            tried += 1
            table = re.findall(r"'(\w+)'", statement)[0]
            result = subprocess.run(
                ("psql", "-Xq", "-v", "VERBOSITY=verbose", "-c", f"begin; {statement}; rollback"),
                env=environment | OWNER,
                capture_output=True,
                text=True,
            )
            if ("TM930" in result.stderr) != (table in full):
                wrong.append((statement, result.stderr))
    assert wrong == []
    assert tried > 15 and len(full) > 12


def test_every_verify_script_fails_on_an_empty_database(cluster: Cluster) -> None:
    cluster.create_database("telemed_empty")
    result = verified(cluster, "telemed_empty")
    failing = set(re.findall(r"^psql:(\S+\.sql):\d+: ERROR: ", result.stderr, re.M))
    scripts = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "db/verify").rglob("*.sql")}
    # Roles belong to the cluster: the other databases have created them.
    assert scripts - failing == {"db/verify/foundation/roles.sql"}
