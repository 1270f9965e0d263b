"""Dumps: who can make one, and what a restore of one brings back."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from api import context
from api.db import CONTEXT
from scripts.cluster import THROWAWAY_CONTEXT_KEY, deploy, throwaway_cluster
from scripts.server import DATABASE, Cluster
from scripts.system import CHECKOUT, SUPPORTED, CommandError, installation
from tests.support.clinic import Clinic, open_clinic
from tests.support.schema import schema

BACKUP_LOGIN = "telemed_backup_login"
# Writes that a login for backups could try, with the role in force.
WRITES = (
    "insert into app.context_keys (id, key) values ('0123456789abcdef', '')",
    "update app.users set role = 'admin'",
    "delete from procrastinate.procrastinate_jobs",
    "truncate sqitch.changes",
    "select nextval('app.audit_logs_id_seq')",
    "lock table app.users in row exclusive mode",
    "create table public.copy as select * from app.users",
    "create temporary table copy as select * from app.users",
    "create schema copy",
    "select ops.seal_audit()",
    "alter role telemed_backup createrole",
)


@pytest.fixture(scope="module")
def clinic(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[Clinic]:
    with open_clinic(cluster, new_database()) as clinic:
        login(cluster)
        clinic.rows("select app.enqueue_job('send_message', '{}')")
        yield clinic


def login(cluster: Cluster) -> None:
    cluster.sql(f"create role {BACKUP_LOGIN} login in role telemed_backup")
    cluster.sql("create role stranger login")


def dump(clinic: Clinic, file: Path, *options: str, user: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("pg_dump", "--format=custom", f"--file={file}", *options, clinic.database),
        env=clinic.cluster.environment(clinic.database, user),
        capture_output=True,
        text=True,
    )


def rows(cluster: Cluster, database: str) -> dict[str, int]:
    """The number of rows of each table, those of the queue and of Sqitch too."""
    tables = cluster.sql(
        "select oid::regclass from pg_class where relkind in ('r', 'p')"
        " and not relispartition"
        " and relnamespace::regnamespace::text in ('app', 'procrastinate', 'sqitch') order by 1",
        database,
    ).split()
    counts = " union all ".join(f"select '{t}', count(*) from {t}" for t in tables)
    lines = cluster.sql(counts, database).splitlines()
    return {name: int(number) for name, number in (line.split("|") for line in lines)}


def test_member_of_telemed_backup_dumps_every_row(clinic: Clinic, tmp_path: Path) -> None:
    file = tmp_path / "dump"
    made = dump(clinic, file, "--role=telemed_backup", user=BACKUP_LOGIN)
    assert made.returncode == 0, made.stderr
    cluster, copy = clinic.cluster, f"{clinic.database}_copy"
    cluster.create_database(copy)
    restored = subprocess.run(
        ("pg_restore", "--exit-on-error", f"--dbname={copy}", str(file)),
        env=cluster.environment(copy),
        capture_output=True,
        text=True,
    )
    assert restored.returncode == 0, restored.stderr
    there = rows(cluster, clinic.database)
    assert rows(cluster, copy) == there
    for table in ("app.consultations", "procrastinate.procrastinate_jobs", "sqitch.changes"):
        assert there[table] > 0, table
    # What a dump does not have: the rights and the settings of the database.
    findings = (
        "select examples from ops.check_invariants() where violations > 0",
        "select subject from ops.advise() where subject ~ '^(database|invariant)'",
    )
    before = [cluster.sql(query, copy) for query in findings]
    assert before[0] == '{"PUBLIC may connect","PUBLIC may temporary","postgres owns it"}'
    assert set(before[1].splitlines()) == {
        f"database {copy}",
        "invariant the_database_is_closed_to_public",
    }
    deploy(cluster, copy)
    assert [cluster.sql(query, copy) for query in findings] == ["", ""]
    with pytest.raises(psycopg.errors.OperationalError, match="permission denied for database"):
        psycopg.connect(cluster.url(copy, "stranger"))
    cluster.drop_database(copy)


def test_dump_without_the_role_is_refused_and_not_incomplete(
    clinic: Clinic, tmp_path: Path
) -> None:
    for user in (BACKUP_LOGIN, "telemed_dba_login", "telemed_api"):
        refused = dump(clinic, tmp_path / user, user=user)
        assert refused.returncode == 1, user
        assert "row-level security" in refused.stderr or "permission denied" in refused.stderr


@pytest.mark.parametrize("statement", WRITES)
def test_login_for_backups_can_write_nothing(clinic: Clinic, statement: str) -> None:
    url = clinic.cluster.url(clinic.database, BACKUP_LOGIN)
    for role in (BACKUP_LOGIN, "telemed_backup"):
        with (
            psycopg.connect(url, options=f"-c role={role}") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())


def move(module: str, cluster: Cluster, database: str, *arguments: str, **variables: str) -> str:
    """Run scripts.backup or scripts.restore, as an operator does. Returns its output."""
    result = subprocess.run(
        (sys.executable, "-m", f"scripts.{module}", *arguments),
        cwd=CHECKOUT,
        env=cluster.environment(database, variables.pop("user", "postgres")) | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return result.stdout if result.returncode == 0 else result.stdout + result.stderr


@pytest.fixture(scope="module")
def seals(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported seals of the audit log."""
    file = tmp_path_factory.mktemp("seals") / "seals.jsonl"
    clinic.rows("select ops.seal_audit(p_wait => '1 minute')")
    outside = ("--seals", str(file), "--export", "--database", clinic.url("auditor"))
    assert " no problems" in move("verify_audit", clinic.cluster, clinic.database, *outside)
    return file


@pytest.fixture(scope="module")
def folder(clinic: Clinic, seals: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What scripts.backup writes."""
    folder = tmp_path_factory.mktemp("backup") / "folder"
    clinic.cluster.sql("alter role telemed_api password 'of the original'")
    output = move("backup", clinic.cluster, clinic.database, str(folder))
    assert f"backup: {folder}/database.dump, " in output, output
    assert [path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())] == [0, 0, 0]
    return folder


def test_backup_by_a_member_of_telemed_backup_has_no_password(
    clinic: Clinic, folder: Path, tmp_path: Path
) -> None:
    assert "PASSWORD" in (folder / "roles.sql").read_text()
    there = str(tmp_path / "folder")
    output = move("backup", clinic.cluster, clinic.database, there, user=BACKUP_LOGIN)
    assert "database.dump" in output, output
    assert "PASSWORD" not in Path(there, "roles.sql").read_text()
    again = move("backup", clinic.cluster, clinic.database, there, user=BACKUP_LOGIN)
    assert again == f"backup: {there} exists: name a folder that does not\n"


def bare(text: str) -> str:
    """Without what PostgreSQL adds when it reads a schema again: brackets, the type of a null."""
    return re.sub("[()]|(?<=NULL)::(?:text|timestamp with time zone)", "", text)


def majors() -> list[str]:
    """The versions of PostgreSQL that are installed here and at least as new as the tested one."""
    found = []
    for major in sorted(SUPPORTED):
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(CommandError):
            patch.setenv("PG", major)
            found.append(installation().version)
    return found


@pytest.mark.parametrize("major", sorted(SUPPORTED))
def test_database_moves_to_another_cluster(
    clinic: Clinic, folder: Path, seals: Path, major: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if major not in majors():
        pytest.skip(f"PostgreSQL {major} is not installed: `make setup PG={major}`")
    if int(major) < int(clinic.cluster.version):
        pytest.skip("a move to an older version is not supported")
    monkeypatch.setenv("PG", major)
    with throwaway_cluster() as target:
        output = move("restore", target, DATABASE, str(folder), "--seals", str(seals))
        assert "restore: all invariants hold, and the audit log fits its seals" in output, output
        there, here = rows(clinic.cluster, clinic.database), rows(target, DATABASE)
        # The audit log has the change of the context keys: one deleted, one replaced, one added.
        assert here == there | {"app.audit_logs": there["app.audit_logs"] + 3}
        if major == clinic.cluster.version:
            assert bare(schema(target, DATABASE)) == bare(schema(clinic.cluster, clinic.database))
        # Roles come with their memberships and passwords.
        roles = "select rolname, rolpassword from pg_authid where rolname ~ '^telemed' order by 1"
        assert target.sql(roles) == clinic.cluster.sql(roles)
        member = "select pg_has_role('telemed_dba_login', 'telemed_dba', 'member')"
        assert target.sql(member) == "t"
        # The original's context signatures are refused, those of the printed key are accepted.
        (key,) = re.findall(r"^CONTEXT_KEY=(\w+)$", output, re.M)
        person = clinic.people["patient"]
        with psycopg.connect(target.url(DATABASE, "telemed_api"), autocommit=True) as api:

            def my_id(context_key: str) -> str:
                facts = (person.id, person.role, person.session_id, "a request")
                signature = context.sign(context_key, *facts)
                statement = f"{CONTEXT} select (api.my_profile()).id::text from context"
                values = (person.id, person.role, "a request", signature)
                ((found,),) = api.execute(statement.encode(), values).fetchall()
                return str(found)

            assert my_id(key) == person.id
            with pytest.raises(psycopg.Error) as refused:
                my_id(THROWAWAY_CONTEXT_KEY)
            assert refused.value.sqlstate == "TM101"
        again = move("restore", target, DATABASE, str(folder))
        assert again == (
            f"restore: the database {DATABASE} exists on this server: drop it, or set PGDATABASE\n"
        )


def test_data_alone_cannot_be_restored_into_a_deployed_database(
    clinic: Clinic, folder: Path, new_database: Callable[[], str]
) -> None:
    copy = new_database()
    before = rows(clinic.cluster, copy)
    result = subprocess.run(
        ("pg_restore", "--data-only", "-1", f"--dbname={copy}", str(folder / "database.dump")),
        env=clinic.cluster.environment(copy),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "duplicate key value violates unique constraint" in result.stderr
    assert rows(clinic.cluster, copy) == before
