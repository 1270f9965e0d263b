"""Functions for DBAs do not wait for transactions that hold row locks."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from scripts.server import Cluster
from tests.support.clinic import open_clinic

OLD = {
    "idempotency_keys": """
        insert into app.idempotency_keys (user_id, operation, key, fingerprint,
            fingerprint_version, refusal_code, refusal_message, created_at)
        select id, 'book_consultation', 'old', sha256(''), 1, 'TM901', 'No', '2020-01-01'
          from app.users order by id limit 1""",
    "sessions": """
        insert into app.sessions (user_id, created_at, expires_at)
        select id, '2020-01-01', '2020-01-02' from app.users order by id limit 1""",
    "log_in_attempts": """
        insert into app.log_in_attempts (subject, last_attempt_at)
        values (sha256('old'), '2020-01-01')""",
}


@pytest.mark.parametrize("table", OLD)
def test_purge_skips_locked_rows(
    cluster: Cluster, new_database: Callable[[], str], table: str
) -> None:
    with open_clinic(cluster, new_database()) as clinic:
        clinic.rows(OLD[table])
        with (
            psycopg.connect(cluster.url(clinic.database)) as holder,
            psycopg.connect(clinic.url("dba"), autocommit=True) as dba,
        ):
            dba.execute("set lock_timeout = '10s'")
            holder.execute(f"select * from app.{table} for key share".encode())
            purge = "select rows from ops.purge() where table_name = %s"
            assert dba.execute(purge, (table,)).fetchone() == (0,)
            holder.rollback()
            assert dba.execute(purge, (table,)).fetchone() == (1,)
