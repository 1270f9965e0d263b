"""The hot queries search indexes, and their plans stay the same from execution to execution."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
import pytest

from drills.hot_paths import Call, Stock
from drills.past import make_past
from drills.scale.plans import (
    BIG,
    EARLIEST_FIRST,
    INDEXES,
    Reporter,
    Scan,
    calls_of,
    problems,
    scans,
)
from scripts.server import Cluster
from tests.support.sql_client import Person

PAST = "telemed_plans"
LIST = "list, as the doctor"
# What the rows of drills.past would have left behind if the API had made them, and an admin.
TRACES = """
set session_replication_role = replica;
insert into app.idempotency_keys (
    user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
select patient_id, 'book_consultation', id::text, sha256(''), 1, id, '{}' from app.consultations;
insert into app.audit_logs (table_name, row_id, operation, new, user_id, row_hash)
select 'consultations', id, 'INSERT', '{}', patient_id, sha256('') from app.consultations;
insert into app.access_logs (kind, operation, resource_ids, user_id, role)
select 'read', 'get_consultation', array[id], doctor_id, 'doctor' from app.consultations;
with admin as (
    insert into app.users (email, password_hash, role)
    values ('admin@scale.test', '$2b$04$' || repeat('a', 53), 'admin') returning id
), named as (
    insert into app.profiles (user_id, full_name) select id, 'A Name' from admin
)
insert into app.sessions (user_id) select id from admin;
vacuum analyze;
"""
FOLDED = (
    "select ops.seal_audit(10000000, '1 minute')",
    "select ops.rebuild_activity()",
    "vacuum analyze",
)
ADMIN = """
select u.id, u.role, s.id from app.users as u join app.sessions as s on s.user_id = u.id
 where u.role = 'admin'
"""


class Clinic(NamedTuple):
    """A database with a past. calls: a call of each path, with other values each time."""

    reporter: Reporter
    calls: dict[str, Callable[[], Call]]


@pytest.fixture(scope="module")
def past(cluster: Cluster) -> Iterator[str]:
    """The name of a database with 20,000 past consultations: 250 a doctor, 10 a patient.

    More than 64 doctors, of whom three speak Spanish: see app.search_open_slots.
    """
    make_past(cluster, PAST, 20_000, doctors=80, patients=2_000)
    with psycopg.connect(cluster.url(PAST), autocommit=True) as connection:
        for statement in TRACES.split(";\n"):
            connection.execute(statement.encode())
    yield PAST
    cluster.drop_database(PAST)


def test_events_of_the_past_lead_to_its_present_state(cluster: Cluster, past: str) -> None:
    violated = "select name from app.events_invariants(null) where violations <> '{}'"
    assert cluster.sql(violated, past) == ""
    assert int(cluster.sql("select count(*) from app.events", past)) == 40_000


@pytest.fixture
def clinic(cluster: Cluster, past: str) -> Iterator[Clinic]:
    """A copy of the past, so that each test books the first slots."""
    database = f"{past}_copy"
    cluster.create_database(database, past)
    stock, chance = Stock.of(cluster, database), random.Random(1)
    with psycopg.connect(cluster.url(database)) as connection:
        (admin,) = [Person(str(i), r, str(s)) for i, r, s in connection.execute(ADMIN)]
    calls = calls_of(cluster, database, stock, chance)
    calls["list, as an admin"] = lambda: (admin, "list_consultations", {})
    calls["list, the earliest first, as an admin"] = lambda: (
        admin,
        "list_consultations",
        EARLIEST_FIRST,
    )
    with closing(Reporter(cluster, database)) as reporter:
        yield Clinic(reporter, calls)
    cluster.drop_database(database)


def test_access_log_of_a_doctor_is_found_without_all_that_they_have_read(clinic: Clinic) -> None:
    doctor, _, _ = clinic.calls[LIST]()
    found = {
        scan
        for plans in clinic.reporter.executions(lambda: (doctor, "my_access_log", {}))
        for text, scans in plans.items()
        if "l.kind = 'act_as'" in text
        for scan in scans
        if scan.table.startswith("access_logs")
    }
    # The indexes of a partition are named for their columns.
    assert not [scan for scan in found if scan.index_name.endswith("user_id_id_idx")]
    assert [scan for scan in found if scan.index_name.endswith("user_id_request_id_idx")]


def test_the_tables_of_the_hot_queries_are_big(cluster: Cluster, past: str) -> None:
    with psycopg.connect(cluster.url(past)) as connection:
        for table in BIG:
            (rows,) = connection.execute(f"select count(*) from app.{table}").fetchone() or (0,)
            assert rows > 2_000, table


def test_hot_queries_search_indexes_and_keep_their_plans(clinic: Clinic) -> None:
    assert set(clinic.calls) == set(INDEXES)
    found = {
        path: problems(clinic.reporter.executions(call), INDEXES[path])
        for path, call in clinic.calls.items()
    }
    assert not any(found.values()), "\n".join(
        f"{path}: {problem}" for path, texts in found.items() for problem in texts
    )
    person, function, arguments = clinic.calls["replay"]()
    assert clinic.reporter.call(person, function, **arguments).replayed


def test_reads_of_a_patients_data_are_found_by_an_index(clinic: Clinic) -> None:
    month = f"access_logs_{datetime.now(UTC):%Y_%m}"
    patient, _, _ = clinic.calls["list, as the patient"]()
    for plans in clinic.reporter.executions(lambda: (patient, "my_access_log", {})):
        found = {scan for scans in plans.values() for scan in scans if scan.table == month}
        assert f"{month}_resource_ids_idx" in {scan.index_name for scan in found}
        assert all(scan.searched for scan in found), found


def test_analytics_read_sums_and_the_rows_at_the_ends_of_the_range(
    cluster: Cluster, clinic: Clinic
) -> None:
    database = f"{PAST}_copy"
    for statement in FOLDED:
        cluster.sql(statement, database)
    admin = clinic.calls["list, as an admin"]()[0]
    period: dict[str, object] = {"from": "2020-01-01 00:07+00", "to": "2100-01-01 00:07+00"}
    executions = clinic.reporter.executions(lambda: (admin, "clinic_analytics", period))
    for plans in executions:
        found = {scan for scans_ in plans.values() for scan in scans_}
        assert "consultations_by_time" in {scan.index_name for scan in found}
        # The partitions of other months are empty, so that a sequential scan of them is the best.
        month = f"audit_logs_{datetime.now(UTC):%Y_%m}"
        tables = ("consultations", "availability_slots", "users", month)
        assert [s for s in found if s.table in tables and not s.searched] == []


# The checker itself


def test_a_sequential_scan_is_found(clinic: Clinic) -> None:
    for setting in ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"):
        clinic.reporter.connection.execute(f"set {setting} = off".encode())
    for path, table in (
        ("book", "idempotency_keys"),
        ("get, as the patient", "consultations"),
        ("list, as the patient", "consultations"),
        ("open slots of a doctor", "availability_slots"),
    ):
        found = problems(clinic.reporter.executions(clinic.calls[path]), INDEXES[path])
        whole = f"execution 1: Seq Scan of all of {table}: "
        assert any(problem.startswith(whole) for problem in found), found
        assert f"execution 1: {INDEXES[path]} is not used in its order" in found


def test_a_missing_index_is_found(cluster: Cluster, clinic: Clinic) -> None:
    cluster.sql("drop index app.consultations_by_patient", f"{PAST}_copy")
    path = "list, as the patient"
    found = problems(clinic.reporter.executions(clinic.calls[path]), INDEXES[path])
    assert "execution 1: consultations_by_patient is not used in its order" in found


def test_a_plan_that_sorts_is_found(cluster: Cluster, clinic: Clinic) -> None:
    """With a column in two filters, the plan without values expects few rows, and sorts them."""
    index = INDEXES[LIST]
    change_list(cluster, {"p_doctor_id = v_doctor_id": "c.doctor_id = p_doctor_id"})
    found = problems(clinic.reporter.executions(clinic.calls[LIST]), index)
    assert found == [f"execution 1: {index} is not used in its order"]


def test_a_plan_that_changes_after_five_executions_is_found(
    cluster: Cluster, clinic: Clinic
) -> None:
    index = INDEXES[LIST]
    change_list(
        cluster,
        {
            "p_doctor_id = v_doctor_id": "c.doctor_id = p_doctor_id",
            " SET plan_cache_mode TO 'force_generic_plan'\n": "",
        },
    )
    flip, unordered = problems(clinic.reporter.executions(clinic.calls[LIST]), index)
    assert flip.startswith(
        f"execution 6: Index Scan of {index} became"
        f" Bitmap Heap Scan of consultations, Bitmap Index Scan of {index}: v_ids"
    )
    assert unordered == f"execution 6: {index} is not used in its order"


def change_list(cluster: Cluster, changes: dict[str, str]) -> None:
    definition = cluster.sql(
        "select pg_get_functiondef('api.list_consultations'::regproc)", f"{PAST}_copy"
    )
    for old, new in changes.items():
        assert old in definition
        definition = definition.replace(old, new)
    cluster.sql(definition, f"{PAST}_copy")


def test_an_index_that_is_read_from_end_to_end_is_found() -> None:
    plan = {
        "Node Type": "Limit",
        "Plans": [
            {"Node Type": "Index Scan", "Relation Name": "users", "Index Name": "users_pkey"},
            {"Node Type": "Seq Scan", "Relation Name": "doctors"},
            {"Node Type": "Seq Scan", "Relation Name": "audit_logs_2026_11"},
        ],
    }
    whole = frozenset(scans(plan))
    assert whole == {
        Scan("Index Scan", "users", "users_pkey", searched=False),
        Scan("Seq Scan", "audit_logs_2026_11", "", searched=False),
    }
    assert sorted(problems([{"a query": whole}], "users_pkey")) == [
        "execution 1: Index Scan of all of users: a query",
        "execution 1: Seq Scan of all of audit_logs_2026_11: a query",
    ]


def test_a_statement_that_runs_in_some_executions_is_found() -> None:
    plans = {"a query": frozenset([Scan("Index Scan", "users", "users_pkey", searched=True)])}
    assert problems([plans, plans], "users_pkey") == []
    assert problems([plans, {}], "users_pkey") == [
        "execution 2: Index Scan of users_pkey became no scan: a query",
        "execution 2: users_pkey is not used in its order",
    ]
