"""`ops.act_as`: refused outside a transaction, accepted wherever it can work.

Tested with psql and psycopg, because the way in which statements are sent decides.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import psycopg
import pytest

from scripts.server import Cluster

PERSON = "act-as@clinic.test"
ACT_AS = f"select ops.act_as('{PERSON}')"
PROFILE = "select email from api.my_profile()"


@pytest.fixture(scope="module")
def clinic(cluster: Cluster, new_database: Callable[[], str]) -> str:
    """The name of a database with an admin, and with functions that act as this admin."""
    database = new_database()
    cluster.sql(
        f"""
        select ops.create_admin('{PERSON}', '$2b$04$' || repeat('a', 53), 'Ada Admin');
        create function public.email_by_plpgsql() returns text language plpgsql as $$
        begin perform ops.act_as('{PERSON}'); return (api.my_profile()).email; end $$;
        create function public.email_by_sql() returns text language sql as $$
        {ACT_AS}; {PROFILE} $$;
        """,
        database,
    )
    return database


def psql(
    cluster: Cluster, database: str, *arguments: str, script: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run psql as a DBA. script: its input; psql sends each statement as a message."""
    environment = cluster.environment(database) | {"PGOPTIONS": "-c role=telemed_dba"}
    verbose = ("-v", "VERBOSITY=verbose", "-v", "ON_ERROR_STOP=1")
    return subprocess.run(
        ("psql", "-XAtq", *verbose, *arguments),
        env=environment,
        input=script,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "script",
    [
        f"{ACT_AS};",
        f"select * from ops.act_as('{PERSON}');",
        f"-- as an admin\n{ACT_AS} ;",
        f"select (ops.act_as('{PERSON}')).id as person \\gset",
        f"prepare p as {ACT_AS}; execute p;",
        f"begin; {ACT_AS}; commit; {ACT_AS};",
    ],
)
def test_act_as_in_a_statement_of_its_own_is_refused(
    cluster: Cluster, clinic: str, script: str
) -> None:
    result = psql(cluster, clinic, script=script)
    assert "TM210: Begin a transaction first" in result.stderr
    assert "begin; select ops.act_as(...); ...; commit;" in result.stderr


def test_act_as_in_a_message_of_its_own_is_refused(cluster: Cluster, clinic: str) -> None:
    assert "TM210" in psql(cluster, clinic, "-c", ACT_AS).stderr
    assert "TM210" in psql(cluster, clinic, "-c", f"{ACT_AS};  ", "-c", PROFILE).stderr


@pytest.mark.parametrize(
    ("arguments", "script"),
    [
        ((), f"begin; {ACT_AS}; {PROFILE}; commit;"),
        ((), f"begin\n;\n{ACT_AS}\n;\n{PROFILE}\n;\n"),
        ((), f"begin; commit and chain; {ACT_AS}; {PROFILE};"),
        ((), f"begin; savepoint s; {ACT_AS}; {PROFILE}; rollback to s; {ACT_AS}; {PROFILE};"),
        ((), f"begin\\; {ACT_AS}\\; {PROFILE}\\; commit;"),
        ((), f"begin\\; {ACT_AS}; {PROFILE}; commit;"),
        ((), f"\\set AUTOCOMMIT off\n{ACT_AS}; {PROFILE}; commit;"),
        (("-1", "-f", "-"), f"{ACT_AS}; {PROFILE};"),
        (("-c", f"begin; {ACT_AS}; {PROFILE}; commit"), None),
        (("-c", f"{ACT_AS}; {PROFILE}"), None),
        (("-c", "begin", "-c", ACT_AS, "-c", PROFILE), None),
        ((), f"select (ops.act_as('{PERSON}')).id, (api.my_profile()).email;"),
        ((), "select public.email_by_plpgsql();"),
        ((), "select public.email_by_sql();"),
        (
            (),
            f"do $$ begin perform ops.act_as('{PERSON}');"
            " raise notice '%', (api.my_profile()).email; end $$;",
        ),
    ],
)
def test_act_as_inside_a_transaction_is_accepted(
    cluster: Cluster, clinic: str, arguments: tuple[str, ...], script: str | None
) -> None:
    result = psql(cluster, clinic, *arguments, script=script)
    assert result.returncode == 0, result.stderr
    # act_as itself also prints a row with the address.
    answers = [line for line in (result.stdout + result.stderr).splitlines() if PERSON in line]
    assert answers and not answers[-1].startswith("("), result.stdout + result.stderr


def test_act_as_in_a_pipeline_is_accepted(cluster: Cluster, clinic: str) -> None:
    with (
        psycopg.connect(cluster.url(clinic), autocommit=True) as connection,
        connection.pipeline(),
    ):
        for _ in range(20):
            connection.execute("begin")
            connection.execute("select ops.act_as(%s)", (PERSON,))
            profile = connection.execute(PROFILE)
            connection.execute("commit")
            assert profile.fetchone() == (PERSON,)


def test_act_as_right_after_begin_is_accepted(cluster: Cluster, clinic: str) -> None:
    with psycopg.connect(cluster.url(clinic)) as connection:
        for _ in range(100):
            connection.execute(ACT_AS)
            assert connection.execute(PROFILE).fetchone() == (PERSON,)
            connection.rollback()


def test_act_as_with_parameters_outside_a_transaction_leaves_no_actor(
    cluster: Cluster, clinic: str
) -> None:
    """In the extended protocol, act_as cannot detect that no transaction block is open."""
    with psycopg.connect(cluster.url(clinic), autocommit=True) as connection:
        connection.execute("select ops.act_as(%s)", (PERSON,))
        with pytest.raises(psycopg.Error) as refused:
            connection.execute(PROFILE)
        assert refused.value.sqlstate == "TM101"
