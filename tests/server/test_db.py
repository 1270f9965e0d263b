"""api/db.py: context, lists, notices, retries and connections."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from flask import Flask, g
from prometheus_client import REGISTRY

from api import config, db, errors
from api.connection import Connection
from api.errors import Problem
from scripts.server import Cluster
from tests.support.server import environment

FUNCTIONS = """
create sequence app.attempts;
create type api.thing as (id integer, name text);

create function api.context() returns text[] language sql stable
as $$ select array[current_setting('app.user_id', true), current_setting('app.role', true),
                   current_setting('app.request_id', true), current_setting('TimeZone')] $$;

create function api.things(p_limit integer default 50, p_cursor integer default 0)
returns setof api.thing language plpgsql stable
as $$ begin
    perform set_config(
        'app.next_cursor',
        case when p_cursor + p_limit < 5 then (p_cursor + p_limit)::text else '' end, true);
    return query
    select n, current_setting('app.request_id') from generate_series(p_cursor + 1, 5) as n
    limit p_limit;
end $$;

create function api.all_things() returns setof api.thing language sql stable
as $$ select * from api.things() $$;

create function api.fails_at_first(p_times integer, p_sqlstate text) returns integer
language plpgsql security definer
as $$ declare v_n integer := nextval('app.attempts');
begin
    if v_n <= p_times then raise exception 'Failed' using errcode = p_sqlstate; end if;
    return v_n;
end $$;

create function api.refuses(p_code text) returns api.thing language plpgsql
as $$ begin
    raise notice 'Again' using errcode = 'TM000';
    raise warning 'Refused' using errcode = p_code;
    return null;
end $$;

create function api.process() returns integer language sql
as $$ select pg_backend_pid() $$;

create function api.dies(p_times integer, p_idempotency_key text default null) returns integer
language plpgsql security definer
as $$ declare v_n integer := nextval('app.attempts');
begin
    if v_n <= p_times then perform pg_terminate_backend(pg_backend_pid()); end if;
    return v_n;
end $$;

create function api.sleeps() returns void language sql as $$ select pg_sleep(30) $$;
alter role telemed_api in database {database} set statement_timeout = '1s';

create function api.time_limit() returns text language sql
as $$ select current_setting('statement_timeout') $$;

create function api.new_year() returns timestamptz language sql immutable
as $$ select '2027-01-01 00:00+00'::timestamptz $$;
alter database {database} set timezone = 'Europe/Berlin';
alter role telemed_api in database {database} set timezone = 'Asia/Tokyo';
"""


@pytest.fixture(scope="module")
def app(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[Flask]:
    """An application with one connection to a database that has functions for these tests."""
    database = new_database()
    cluster.sql(FUNCTIONS.format(database=database), database)
    cluster.sql("grant execute on all functions in schema api to telemed_api", database)
    url = cluster.url(database, "telemed_api") + "&options=-c%20TimeZone%3DAmerica/New_York"
    settings = config.load(environment(url, DATABASE_POOL_SIZE="1"))
    db.open_pool(settings)
    app = Flask("db")
    app.config["SETTINGS"] = settings
    yield app
    db.close_pool()


@pytest.fixture
def request_of(app: Flask) -> Iterator[None]:
    """The context of a request by a doctor."""
    with app.test_request_context("/"):
        g.user_id, g.role, g.request_id = "some-user", "doctor", "some-request"
        yield


def test_context_lasts_for_one_call(app: Flask) -> None:
    with app.test_request_context("/"):
        g.user_id, g.role, g.request_id = "me", "patient", "r1"
        assert json.loads(db.call("context")) == ["me", "patient", "r1", "UTC"]
    # The pool has one connection, so this request uses the same one. It has no caller.
    with app.test_request_context("/"):
        assert json.loads(db.call("context")) == ["", "", "", "UTC"]


@pytest.mark.usefixtures("request_of")
def test_times_are_in_utc_whatever_database_role_and_url_set() -> None:
    with db._borrow() as connection:
        assert connection.execute("show timezone").fetchone() == ("America/New_York",)
    assert json.loads(db.call("new_year")) == "2027-01-01T00:00:00+00:00"


@pytest.mark.usefixtures("request_of")
def test_set_returning_function_runs_after_the_context_is_set() -> None:
    page = json.loads(db.page("things", limit=2, cursor=1))
    assert [row["id"] for row in page["items"]] == [2, 3]
    assert {row["name"] for row in page["items"]} == {"some-request"}
    assert page["next_cursor"] == "3"
    everything = json.loads(db.items("all_things"))
    assert len(everything["items"]) == 5
    assert {row["name"] for row in everything["items"]} == {"some-request"}
    assert everything["next_cursor"] is None


@pytest.mark.usefixtures("request_of")
@pytest.mark.parametrize(
    ("cursor", "limit", "ids", "next_cursor"),
    [(0, 5, [1, 2, 3, 4, 5], None), (0, 4, [1, 2, 3, 4], "4"), (5, 5, [], None), (4, 1, [5], None)],
)
def test_last_page_has_no_next_cursor(
    cursor: int, limit: int, ids: list[int], next_cursor: str | None
) -> None:
    page = json.loads(db.page("things", limit=limit, cursor=cursor))
    assert [row["id"] for row in page["items"]] == ids
    assert page["next_cursor"] == next_cursor


@pytest.mark.usefixtures("request_of")
@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_transaction_conflict_is_retried_three_times(sqlstate: str) -> None:
    start = int(db.call("fails_at_first", times=0, sqlstate=sqlstate))
    counted = REGISTRY.get_sample_value("db_retries_total", {"reason": "conflict"}) or 0
    assert int(db.call("fails_at_first", times=start + 3, sqlstate=sqlstate)) == start + 4
    assert REGISTRY.get_sample_value("db_retries_total", {"reason": "conflict"}) == counted + 3
    with pytest.raises(psycopg.OperationalError) as raised:
        db.call("fails_at_first", times=start + 100, sqlstate=sqlstate)
    assert raised.value.sqlstate == sqlstate
    assert int(db.call("fails_at_first", times=0, sqlstate=sqlstate)) == start + 4 + 4 + 1


@pytest.mark.usefixtures("request_of")
def test_other_errors_are_not_retried() -> None:
    start = int(db.call("fails_at_first", times=0, sqlstate="TM901"))
    with pytest.raises(psycopg.Error):
        db.call("fails_at_first", times=start + 100, sqlstate="TM901")
    assert int(db.call("fails_at_first", times=0, sqlstate="TM901")) == start + 2


def next_attempt() -> int:
    return int(db.call("fails_at_first", times=0, sqlstate="TM901")) + 1


def test_safe_request_survives_a_lost_connection(app: Flask) -> None:
    with app.test_request_context("/", method="POST"):
        n = next_attempt()
        assert int(db.call("dies", times=n, idempotency_key="key")) == n + 1
        assert not g.outcome_is_unknown
    with app.test_request_context("/"):
        n = next_attempt()
        assert int(db.call("dies", times=n)) == n + 1


def test_second_lost_connection_is_503(app: Flask) -> None:
    with app.test_request_context("/", method="POST"):
        n = next_attempt()
        with pytest.raises(psycopg.OperationalError):
            db.call("dies", times=n + 10, idempotency_key="key")
        assert next_attempt() == n + 3  # tried twice
        assert not g.outcome_is_unknown


def test_unsafe_request_is_sent_once(app: Flask) -> None:
    for arguments in ({}, {"idempotency_key": None}):
        with app.test_request_context("/", method="POST"):
            n = next_attempt()
            with pytest.raises(psycopg.OperationalError) as raised:
                db.call("dies", times=n + 10, **arguments)
            answer = errors._from_psycopg(raised.value)
            assert answer.status_code == 503
            assert "unknown whether" in answer.get_data(as_text=True)
            assert next_attempt() == n + 2


@pytest.mark.usefixtures("request_of")
def test_missing_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    process = int(db.call("process"))
    os.kill(process, signal.SIGSTOP)
    monkeypatch.setattr(Connection, "answer_timeout", 0.2)
    try:
        with pytest.raises(psycopg.OperationalError):
            db.call("process")
    finally:
        os.kill(process, signal.SIGCONT)
    # Its connection is not used again: the answer may still arrive.
    assert int(db.call("process")) != process


@pytest.mark.usefixtures("request_of")
def test_committed_refusal_is_a_problem_and_a_replay_is_marked() -> None:
    with pytest.raises(Problem) as raised:
        db.call("refuses", code="TM901")
    assert (raised.value.status, raised.value.code, raised.value.detail) == (
        409,
        "TM901",
        "Refused",
    )
    assert g.replayed is True
    db.call("context")
    assert g.replayed is False


@pytest.mark.usefixtures("request_of")
def test_slow_statement_is_cancelled() -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        db.run("sleeps")
    assert db.call("context")


@pytest.mark.usefixtures("request_of")
def test_deadline_is_the_time_limit_of_one_statement() -> None:
    g.deadline = time.monotonic() + 0.5
    limit = json.loads(db.call("time_limit"))
    assert limit.endswith("ms")
    assert 0 < int(limit.removesuffix("ms")) <= 500
    g.deadline = time.monotonic() + 60
    assert json.loads(db.call("time_limit")) == "1s"
    del g.deadline
    assert json.loads(db.call("time_limit")) == "1s"


@pytest.mark.usefixtures("request_of")
@pytest.mark.parametrize("prepare", [True, False])
def test_statement_past_its_deadline_is_cancelled_and_the_connection_is_used_again(
    monkeypatch: pytest.MonkeyPatch, prepare: bool
) -> None:
    monkeypatch.setattr(db._databases[""], "prepares", prepare)
    process = db.call("process")
    g.deadline = time.monotonic() + 0.1
    with pytest.raises(Problem) as raised:
        db.run("sleeps")
    assert (raised.value.status, raised.value.code) == (504, "HTTP504")
    g.deadline = time.monotonic() + 60
    assert db.call("process") == process
    with pytest.raises(psycopg.errors.QueryCanceled):  # the limit of the role
        db.run("sleeps")
    del g.deadline
    assert db.call("process") == process


def test_statement_whose_deadline_has_passed_is_not_sent(app: Flask) -> None:
    with app.test_request_context("/"):
        n = next_attempt()
        g.deadline = time.monotonic()
        with pytest.raises(Problem) as raised:
            db.call("fails_at_first", times=0, sqlstate="TM901")
        assert raised.value.code == "HTTP504"
        del g.deadline
        assert next_attempt() == n + 1


@pytest.mark.usefixtures("request_of")
def test_wait_for_a_connection_ends_at_the_deadline() -> None:
    with db._borrow():  # the only one
        g.deadline = time.monotonic() + 0.1
        with pytest.raises(Problem) as raised:
            db.call("context")
    assert raised.value.code == "HTTP504"


def test_lost_connection_frees_a_request_from_its_deadline(app: Flask) -> None:
    with app.test_request_context("/", method="POST"):
        n = next_attempt()
        g.deadline = time.monotonic() + 60
        assert int(db.call("dies", times=n, idempotency_key="key")) == n + 1
        # The second attempt alone knows whether the first one was committed.
        g.deadline = time.monotonic() + 60
        n = next_attempt()
        with pytest.raises(psycopg.OperationalError):
            db.call("dies", times=n + 10, idempotency_key="key")
        assert next_attempt() == n + 3


@pytest.mark.usefixtures("request_of")
def test_unsafe_function_name_is_never_sent() -> None:
    for call in (
        lambda: db.call("context()--"),
        lambda: db.call("Context"),
        lambda: db.page("things", limit=1, **{"cursor => 1); --": 1}),
    ):
        with pytest.raises(ValueError, match="not a name"):
            call()


@pytest.mark.usefixtures("request_of")
def test_ready_check_asks_the_database() -> None:
    db.ping(60)
    assert db.call("context")


@pytest.mark.usefixtures("request_of")
def test_ready_check_of_a_silent_database_times_out() -> None:
    process = int(db.call("process"))
    os.kill(process, signal.SIGSTOP)
    try:
        with pytest.raises(psycopg.OperationalError, match="does not answer"):
            db.ping(0.2)
    finally:
        os.kill(process, signal.SIGCONT)
    # Its connection is not used again: the answer may still arrive.
    assert int(db.call("process")) != process


def test_missing_right_of_the_api_login_is_an_error(app: Flask, cluster: Cluster) -> None:
    with app.test_request_context("/"), pytest.raises(psycopg.errors.InsufficientPrivilege):
        db._execute(db._statement("select to_json(email) from app.users, context"), ())


@pytest.fixture
def reconnecting(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections may be replaced at any time, without the usual pause."""
    monkeypatch.setattr(db, "RECONNECT_SECONDS", 0.0)
    yield
    db._databases[""].reconnect()


def prepared() -> set[str]:
    """The names of the statements that are prepared on the connection of the pool."""
    with db._borrow() as connection:
        return {name for (name,) in connection.execute("select name from pg_prepared_statements")}


def call_until_prepared() -> None:
    for _ in range(7):
        db.call("new_year")
    assert prepared()


def test_prepared_statement_names_differ_between_connections(app: Flask) -> None:
    url = app.config["SETTINGS"].database_url
    names: list[str] = []
    for _ in range(2):
        with Connection.connect(url) as connection:
            assert connection.value(b"select $1::integer", [7], prepare=True) == b"7"
            rows = connection.execute("select name from pg_prepared_statements").fetchall()
            names += [name for (name,) in rows]
    assert len(names) == len(set(names)) == 2
    assert not [name for name in names if name.startswith("_pg3_")]


@pytest.mark.usefixtures("reconnecting")
@pytest.mark.parametrize("loss", ["deallocate all", "prepare {next} as select 1"])
def test_missing_prepared_statement_is_sent_unprepared(
    app: Flask, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    monkeypatch.setattr(db._databases[""], "prepares", True)
    db._databases[""].reconnect()
    # Even a request that may be sent only once is sent again: nothing has run.
    with app.test_request_context("/", method="POST"):
        call_until_prepared()
        with db._borrow() as connection:
            name = connection.next_name().decode()
            connection.pgconn.exec_(loss.format(next=name).encode())
        for _ in range(7):
            assert json.loads(db.call("new_year" if "deallocate" in loss else "context"))
        before = prepared()
        for _ in range(7):  # from now on no other statement is prepared
            db.items("all_things")
        assert prepared() == before


def demote() -> None:
    """Make the database session of the pool's connection read-only, but no other session."""
    with db._borrow() as connection:
        connection.execute("set default_transaction_read_only = on")


@pytest.mark.usefixtures("request_of", "reconnecting")
def test_demoted_primary_is_left_for_the_new_one() -> None:
    before = int(db.call("process"))
    demote()
    assert db.call("fails_at_first", times=0, sqlstate="TM901")
    assert int(db.call("process")) != before
    demote()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        db.ping(60)
    db.ping(60)


@pytest.mark.usefixtures("reconnecting")
def test_read_only_server_is_503_and_not_ready(app: Flask, cluster: Cluster) -> None:
    database = app.config["SETTINGS"].database_url.partition("?")[0].rpartition("/")[2]
    read_only = f"alter database {database} set default_transaction_read_only"
    with app.app_context():
        db.ping(60)  # a connection that is being made would be left in the pool
    cluster.sql(f"{read_only} = on")
    db._databases[""].reconnect()
    try:
        with app.test_request_context("/", method="POST"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction) as raised:
                db.call("fails_at_first", times=0, sqlstate="TM901")
            answer = errors._from_psycopg(raised.value)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert "unknown whether" not in answer.get_data(as_text=True)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                db.ping(60)
            # An answer to a change may be out of date, also if it needs no write.
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                db.call("context")
        with app.test_request_context("/"):
            assert db.call("context")  # reads still work
    finally:
        cluster.sql(f"{read_only} = off")
    db._databases[""].reconnect()
    with app.app_context():
        db.ping(60)


@pytest.mark.usefixtures("request_of", "reconnecting")
def test_connections_are_reused_between_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    before = int(db.call("process"))
    demote()
    monkeypatch.setattr(db, "RECONNECT_SECONDS", 1e9)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        db.call("fails_at_first", times=0, sqlstate="TM901")
    assert int(db.call("process")) == before
