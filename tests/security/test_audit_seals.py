"""Seals of the audit log: sealing during writes, and detection of tampering."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from scripts.server import Cluster
from scripts.system import CHECKOUT
from tests.support.client import new_key
from tests.support.clinic import Clinic, open_clinic

# Like a trigger, this writes to the audit log after the transaction has got its number.
WRITE = """
    with writer as (select pg_current_xact_id() as id)
    insert into app.audit_logs (table_name, row_id, operation, new)
    select 'charts', 'c', 'INSERT', '{"text": "naïve \\u0001 \\"quoted\\" \\\\ 𝄞"}'
    from writer where id is not null
"""
LAST_SEALED = "(select max(last_id) from app.audit_seals)"


@pytest.fixture
def clinic(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[Clinic]:
    with open_clinic(cluster, new_database()) as clinic:
        clinic.onlooker.execute(WRITE)
        yield clinic


def seal(clinic: Clinic, rows: int = 100000) -> int:
    """Seal the audit log. Returns the number of new seals."""
    return len(clinic.rows("select ops.seal_audit(%s, '1 minute')", (rows,)))


def verifier(clinic: Clinic, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the verifier in Python as an auditor."""
    return subprocess.run(
        (
            *(sys.executable, "-m", "scripts.verify_audit"),
            *("--database", clinic.url("auditor"), *arguments),
        ),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def problems(clinic: Clinic, exported: Path | None = None) -> tuple[list[str], list[str]]:
    """The problems that ops.verify_audit finds, and those that the verifier in Python finds."""
    seals = [json.loads(line) for line in exported.read_text().splitlines()] if exported else None
    if seals:
        # In the file, times are the numbers that are hashed. ops.verify_audit takes timestamps.
        for item in seals:
            ((item["sealed_at"],),) = clinic.rows(
                "select to_timestamp(%s / 1000000.0)::text", (item["sealed_at"],)
            )
    inside = clinic.rows(
        "select problem from ops.verify_audit(%s)",
        (psycopg.types.json.Jsonb(seals) if seals else None,),
    )
    result = verifier(clinic, *(("--seals", str(exported)) if exported else ()))
    assert result.stderr == "", result
    *outside, summary = result.stdout.splitlines()
    assert summary.endswith(f" {len(outside) or 'no'} problems")
    assert result.returncode == (1 if outside else 0)
    return sorted(problem for (problem,) in inside), outside


def test_two_independent_verifiers_accept_an_unchanged_audit_log(
    clinic: Clinic, tmp_path: Path
) -> None:
    assert seal(clinic, 10) == 1
    assert problems(clinic) == ([], [])
    assert seal(clinic) == 1
    file = tmp_path / "seals.jsonl"
    assert "2 seals, 0 exported before: no problems" in (
        verifier(clinic, "--seals", str(file), "--export").stdout
    )
    clinic.onlooker.execute(WRITE)
    assert seal(clinic) == 1
    assert problems(clinic, file) == ([], [])
    assert verifier(clinic, "--seals", str(file), "--export").returncode == 0
    assert len(file.read_text().splitlines()) == 3


SECOND = "(select id from app.audit_logs order by id offset 1 limit 1)"
THIRD = "(select id from app.audit_logs order by id offset 2 limit 1)"
REHASH = "update app.audit_logs as l set row_hash = app.audit_row_hash(l)"
TAMPERING = {
    "a changed field": (
        f"update app.audit_logs set new = new || '{{\"x\": 1}}' where id = {SECOND}",
        ["row_changed"],
        1,
    ),
    "a changed time": (
        "update app.audit_logs set occurred_at = occurred_at - interval '1 microsecond'"
        f" where id = {SECOND}",
        ["row_changed"],
        1,
    ),
    "a field changed with its hash": (
        f"update app.audit_logs set new = new || '{{\"x\": 1}}' where id = {SECOND}; {REHASH}",
        ["rows_differ"],
        1,
    ),
    "a deleted row": (f"delete from app.audit_logs where id = {SECOND}", ["rows_differ"], 1),
    "two swapped rows": (
        f"update app.audit_logs as l set new = o.new, row_id = o.row_id, old = o.old,"
        " operation = o.operation, table_name = o.table_name from app.audit_logs as o"
        f" where l.id in ({SECOND}, {THIRD}) and o.id in ({SECOND}, {THIRD}) and o.id <> l.id;"
        f" {REHASH}",
        ["rows_differ"],
        1,
    ),
    "an inserted row": (
        "insert into app.audit_logs overriding system value select (jsonb_populate_record(l,"
        " jsonb_build_object('occurred_at', l.occurred_at - interval '1 second'))).*"
        f" from app.audit_logs as l where l.id = {SECOND}; {REHASH}",
        ["rows_differ"],
        1,
    ),
    "a row inserted in another month": (
        "insert into app.audit_logs overriding system value select (jsonb_populate_record(l,"
        " jsonb_build_object('occurred_at', l.occurred_at + interval '2 months'))).*"
        f" from app.audit_logs as l where l.id = {SECOND}; {REHASH}",
        ["row_not_sealed"],
        1,
    ),
    "a forged seal": (
        "update app.audit_seals set row_count = row_count + 1 where id = 2",
        ["rows_differ", "seal_changed"],
        2,
    ),
    "a seal of another chain": (
        "update app.audit_seals as s set previous_hash = sha256('x') where id = 2;"
        " update app.audit_seals as s set hash = app.audit_seal_hash(s) where id = 2",
        ["chain_broken"],
        1,
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_both_verifiers_find_changes_of_a_superuser(clinic: Clinic, name: str) -> None:
    statements, inside, outside = TAMPERING[name]
    seal(clinic, 10)
    seal(clinic)
    clinic.rows("set session_replication_role = replica")
    for statement in statements.split("; "):
        assert clinic.onlooker.execute(statement.encode()).rowcount > 0
    found, found_outside = problems(clinic)
    assert sorted(set(found)) == inside
    assert len(found_outside) == outside, found_outside


def test_exported_seals_reveal_a_truncated_audit_log(clinic: Clinic, tmp_path: Path) -> None:
    seal(clinic, 10)
    seal(clinic)
    file = tmp_path / "seals.jsonl"
    verifier(clinic, "--seals", str(file), "--export")
    clinic.rows("set session_replication_role = replica")
    clinic.rows(
        "delete from app.audit_logs where id > (select after_id from app.audit_seals where id = 2)"
    )
    clinic.rows("delete from app.audit_seals where id = 2")
    assert problems(clinic) == ([], [])
    inside, (problem,) = problems(clinic, file)
    assert inside == ["exported_seal_missing"]
    assert "lost its end" in problem
    before = file.read_text()
    assert verifier(clinic, "--seals", str(file), "--export").returncode == 1
    assert file.read_text() == before, "a wrong audit log must not be exported"


def test_sealing_waits_for_writers_and_blocks_none(clinic: Clinic) -> None:
    seal(clinic)
    with (
        psycopg.connect(clinic.cluster.url(clinic.database)) as early,
        psycopg.connect(clinic.cluster.url(clinic.database), autocommit=True) as late,
        ThreadPoolExecutor(1) as pool,
    ):
        early.execute(WRITE)
        with pytest.raises(psycopg.Error, match="still writing") as refusal:
            clinic.rows("select ops.seal_audit(p_wait => '0 seconds')")
        assert refusal.value.sqlstate == "TM990"
        sealing = pool.submit(seal, clinic)
        late.execute("set lock_timeout = '10s'")
        while late.execute(
            "select count(*) from pg_stat_activity where query ~ 'seal_audit' and state = 'active'"
            " and wait_event = 'PgSleep' and datname = current_database()"
        ).fetchone() != (1,):
            assert not sealing.done()
        late.execute(WRITE)
        early.execute(WRITE)
        assert not sealing.done()
        early.commit()
        assert sealing.result(60) == 1
    ((early_rows,),) = clinic.rows("select row_count from ops.audit_seals order by id desc limit 1")
    assert early_rows >= 1
    seal(clinic)
    assert problems(clinic) == ([], [])


def test_sealing_takes_no_lock_that_blocks_a_writer(clinic: Clinic) -> None:
    with psycopg.connect(clinic.cluster.url(clinic.database)) as sealer:
        sealer.execute("select ops.seal_audit(p_wait => '1 minute')")
        modes = sealer.execute(
            "select distinct mode from pg_locks where pid = pg_backend_pid()"
            " and relation::regclass::text ~ 'audit_logs'"
        ).fetchall()
    assert modes == [("AccessShareLock",)]


def test_dropping_a_month_waits_for_the_sealer(clinic: Clinic) -> None:
    clinic.rows("select app.create_partition('audit_logs', '2001-02-01')")
    clinic.rows(
        "insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)"
        " values ('2001-02-03', 'charts', 'c', 'INSERT', '{}')"
    )
    with (
        psycopg.connect(clinic.cluster.url(clinic.database)) as sealer,
        ThreadPoolExecutor(1) as pool,
    ):
        sealer.execute("select ops.seal_audit(p_wait => '1 minute')")
        dropping = pool.submit(clinic.rows, "select ops.drop_partitions('audit_logs')")
        waiting = (
            "select exists (select from pg_locks as l join pg_database as d on d.oid = l.database"
            " where d.datname = current_database() and l.locktype = 'advisory' and not l.granted)"
        )
        while sealer.execute(waiting).fetchone() != (True,):
            assert not dropping.done(), dropping.result()
        sealer.commit()
        assert dropping.result() == [("audit_logs_2001_02",)]
    assert problems(clinic) == ([], [])


def test_seals_of_an_audit_log_under_load_are_complete(clinic: Clinic) -> None:
    stop = threading.Event()

    def write(_: int) -> int:
        with closing(psycopg.connect(clinic.cluster.url(clinic.database))) as connection:
            for n in itertools.count(1):
                connection.execute(WRITE)
                # Every third transaction takes an id and rolls back.
                connection.rollback() if n % 3 == 0 else connection.commit()
                if stop.is_set():
                    break
        return n

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, n) for n in range(4)]
        try:
            for rows in (1000000, 7, 100, 1000000, 1, 1000000) * 3:
                seal(clinic, rows)
        finally:
            stop.set()
        assert all(writer.result(60) for writer in writers)
    seal(clinic)
    assert problems(clinic) == ([], [])
    ((unsealed,),) = clinic.rows(f"select count(*) from app.audit_logs where id > {LAST_SEALED}")
    assert unsealed == 0


def test_sealing_with_an_old_snapshot_is_refused(clinic: Clinic) -> None:
    with psycopg.connect(clinic.cluster.url(clinic.database)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.Error) as refusal:
            connection.execute("select ops.seal_audit()")
    assert refusal.value.sqlstate == "TM208"


def test_missing_partition_is_in_the_server_log(clinic: Clinic) -> None:
    clinic.rows(
        "insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)"
        " values ('2100-01-01', 'charts', 'c', 'INSERT', '{}')"
    )
    log = clinic.cluster.log.read_text(errors="replace")
    assert "a row goes to audit_logs_default: there is no partition for its month" in log


def test_hot_paths_read_the_present_month_only(clinic: Clinic) -> None:
    """Seen in the locks: PostgreSQL locks every partition that a query plans over."""
    slot = {"slot_id": clinic.ids["open slot of doctor"], "idempotency_key": new_key()}
    completed = {"consultation_id": clinic.ids["completed of patient"]}
    calls: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("patient", "book_consultation", slot),
        ("patient", "find_open_slots", {"specialty": "dermatology"}),
        ("patient", "list_consultations", {}),
        ("doctor", "list_consultations", {}),
        ("doctor", "get_consultation", completed),
    )
    for name, function, arguments in calls:
        clinic.api.connection.execute("begin")
        clinic.call(name, function, **arguments)
        locked = clinic.rows(
            "select distinct c.relname from pg_locks as l join pg_class as c on c.oid = l.relation"
            " where l.pid = %s and c.relispartition and c.relkind = 'r'",
            (clinic.api.connection.info.backend_pid,),
        )
        clinic.api.connection.execute("rollback")
        months = {relation[-7:] for (relation,) in locked}
        assert len(months) <= 1, (function, locked)
        assert "default" not in months, (function, locked)
