"""Reads from a replica: a caller sees its own writes, no request fails, and no read is unlogged."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
import requests
from flask import Flask, g
from prometheus_client import REGISTRY
from werkzeug.serving import make_server

from api import config, db, doctor
from api.app import create_app
from api.connection import Connection
from api.password_hashing import hash_password
from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from tests.support import context
from tests.support.client import PASSWORD, Client, Contract, at, new_key, ok
from tests.support.operations import ValidRequests, documented, operations
from tests.support.pair import Pair, pair_of_servers, wait_until
from tests.support.people import log_in
from tests.support.server import children, environment

HEADER = "Read-After"
OUTCOMES = ("answered", "behind", "away", "busy", "refused")


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """A primary and its standby, which all tests of this module share."""
    with pair_of_servers() as servers:
        servers.primary.sql(
            "update app.clinic_settings set completion_lead = '1000 years',"
            " video_lead = '1000 years'",
            TEMPLATE,
        )
        yield servers


@pytest.fixture(scope="module")
def settings(pair: Pair) -> config.Settings:
    """Writes go to the primary and lists to the standby, with all the time of the world."""
    return config.load(environment(pair.url(), **replica(pair)))


def replica(pair: Pair) -> dict[str, str]:
    return {
        "DATABASE_REPLICA_URL": pair.standby.url(TEMPLATE, "telemed_api"),
        "DATABASE_REPLICA_LAG_SECONDS": "3600",
        "DATABASE_REPLICA_TIMEOUT_SECONDS": "60",
    }


@pytest.fixture(scope="module")
def app(settings: config.Settings) -> Iterator[Flask]:
    """The application in this process, so that tests reach its connections."""
    application = create_app(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "WATCH_SECONDS", 0.1)
        db.open_pool(settings)
        yield application
        db.close_pool()


@dataclass
class Clinic:
    """People of a clinic whose API reads from a replica."""

    pair: Pair
    admin: Client
    doctor: Client
    patient: Client

    @property
    def system(self) -> str:
        return self.pair.primary.sql("select system_identifier from pg_control_system()")

    @property
    def replica(self) -> db.Replica:
        return db._replicas[""]

    def publish(self) -> tuple[str, str]:
        """The id of a new slot of the doctor, and the position of the answer."""
        answer = self.doctor.post("/v1/slots", new_slot())
        return ok(answer, 201)["id"], answer.headers[HEADER]

    def slots(self, position: str | None = None) -> list[str]:
        """The open slots of the doctor, read after a position."""
        return [slot["id"] for slot in ok(self.list(position))["items"]]

    def list(self, position: str | None = None, **headers: str) -> requests.Response:
        if position is not None:
            headers[HEADER] = position
        path = f"/v1/doctors/{self.doctor.id}/slots?limit=200"
        return self.patient.send("GET", path, headers=headers)

    def catch_up(self) -> None:
        """Wait until the standby has replayed everything."""
        lsn = self.pair.primary.sql("select pg_current_wal_insert_lsn()")
        done = f"select pg_last_wal_replay_lsn() >= '{lsn}'"
        # A write that nobody waits for: with it the rest is sent at once.
        self.pair.primary.sql("select pg_logical_emit_message(true, 'test', '')")
        wait_until(lambda: self.pair.standby.sql(done) == "t")


_starts = itertools.count()


def new_slot() -> dict[str, str]:
    """The body of a request for a slot of a minute."""
    start = next(_starts)
    return {
        "starts_at": at(3, 8, start).isoformat(),
        "ends_at": at(3, 8, start + 1).isoformat(),
    }


@pytest.fixture(scope="module")
def people(app: Flask, pair: Pair) -> Iterator[Clinic]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    stranger = Client(url, Contract(app.test_client().get("/openapi.json").get_json()))
    values = f"'chief@clinic.test', '{hash_password(PASSWORD, 4)}', 'Chief'"
    pair.primary.sql(f"select ops.create_admin({values})", TEMPLATE)
    admin = log_in(stranger, "chief@clinic.test")
    body = {
        "email": "dora@clinic.test",
        "password": PASSWORD,
        "full_name": "Dora Doctor",
        "specialty": "Dermatology",
        "time_zone": "Europe/Berlin",
        "fee_minor": 5000,
        "currency": "EUR",
    }
    ok(admin.post("/v1/admin/doctors", body), 201)
    account = {"email": "pat@clinic.test", "password": PASSWORD, "full_name": "Pat"}
    ok(stranger.post("/v1/auth/signup", account), 201)
    yield Clinic(pair, admin, log_in(stranger, body["email"]), log_in(stranger, account["email"]))
    server.shutdown()
    thread.join()


@pytest.fixture
def clinic(people: Clinic, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """A replica that is used, and has everything. Lists wait for it, on a busy machine, too."""
    monkeypatch.setattr(db, "REPLICA_WAIT_SECONDS", 60)
    people.catch_up()
    wait_until(lambda: people.replica.is_usable)
    return people


@contextmanager
def paused(clinic: Clinic) -> Iterator[None]:
    """The standby replays nothing."""
    standby = clinic.pair.standby
    standby.sql("select pg_wal_replay_pause()")
    wait_until(lambda: standby.sql("select pg_get_wal_replay_pause_state()") == "paused")
    try:
        yield
    finally:
        standby.sql("select pg_wal_replay_resume()")


def counts() -> dict[str, float]:
    return {
        outcome: REGISTRY.get_sample_value("db_replica_reads_total", {"outcome": outcome}) or 0
        for outcome in OUTCOMES
    }


@contextmanager
def counted(**expected: int) -> Iterator[None]:
    """Exactly these outcomes are counted in the block."""
    before = counts()
    yield
    after = counts()
    assert {o: after[o] - before[o] for o in OUTCOMES if after[o] != before[o]} == expected


def lag() -> float | None:
    return REGISTRY.get_sample_value("db_replica_lag_seconds", {"clinic": ""})


# A caller sees its own writes.


def test_write_is_in_the_list_after_its_position_and_not_in_that_of_a_late_replica(
    clinic: Clinic,
) -> None:
    with paused(clinic):
        slot, position = clinic.publish()
        assert re.fullmatch(f"{clinic.system}-1-[0-9]+", position)
        with counted(answered=1):
            assert slot not in clinic.slots()
        with counted(behind=1):
            assert slot in clinic.slots(position)
    clinic.catch_up()
    with counted(answered=1):
        assert slot in clinic.slots(position)


def test_position_of_a_replay_covers_the_first_request(clinic: Clinic) -> None:
    slot, _ = clinic.publish()
    clinic.catch_up()
    with paused(clinic):
        body, headers = {"slot_id": slot}, {"Idempotency-Key": new_key()}
        first, replay = (
            clinic.patient.send("POST", "/v1/consultations", json=body, headers=headers)
            for _ in range(2)
        )
        assert replay.headers["Idempotency-Replayed"] == "true"
        assert slot in clinic.slots()
        for answer in (first, replay):
            assert slot not in clinic.slots(answer.headers[HEADER])


def test_position_is_the_transaction_that_has_written_the_row(clinic: Clinic) -> None:
    slot, position = clinic.publish()
    written = f"select xmin from app.availability_slots where id = '{slot}'"
    xmin = clinic.pair.primary.sql(written, TEMPLATE)
    assert position == f"{clinic.system}-1-{xmin}"


INSERT = "insert into app.specialties (code, name) values ('{0}', '{0}')"
FOUND = "select count(*) from app.specialties where code = '{}'"
NAMES = ("app.user_id", "app.role", "app.request_id", "app.proof")


def as_nobody() -> str:
    """Statements that make the session that of a caller who is not logged in."""
    signed = zip(NAMES, context.values("", "", "", ""), strict=True)
    return "; ".join(f"set {name} = '{value}'" for name, value in signed)


def test_place_in_the_wal_read_by_the_writing_statement_is_not_enough(clinic: Clinic) -> None:
    primary, standby = clinic.pair.primary, clinic.pair.standby
    with psycopg.connect(primary.url(TEMPLATE)) as writer:
        writer.execute(as_nobody().encode())
        writer.execute(INSERT.format("inside").encode())
        found = writer.execute("select pg_current_wal_insert_lsn(), api.read_position()")
        lsn, position = found.fetchone() or ("", "")
        clinic.catch_up()
        replayed = f"select pg_last_wal_replay_lsn() >= '{lsn}', ({FOUND.format('inside')})"
        has_replayed = f"{as_nobody()}; select api.has_replayed('{position}', 3600)"
        # The wrong way says that the write is there, before its COMMIT has happened.
        assert standby.sql(replayed, TEMPLATE) == "t|0"
        assert standby.sql(has_replayed, TEMPLATE) == "f"
        writer.commit()
    clinic.catch_up()
    assert standby.sql(replayed, TEMPLATE) == "t|1"
    assert standby.sql(has_replayed, TEMPLATE) == "t"


def test_place_in_the_wal_compared_by_the_reading_statement_is_not_enough(clinic: Clinic) -> None:
    primary, standby = clinic.pair.primary, clinic.pair.standby
    with psycopg.connect(standby.url(TEMPLATE)) as reader:
        # Its snapshot is that of a statement which begins now and ends after the next lines.
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute(as_nobody().encode())
        reader.execute("select 1 from app.specialties limit 1")
        with psycopg.connect(primary.url(TEMPLATE)) as writer:
            writer.execute(as_nobody().encode())
            writer.execute(INSERT.format("late").encode())
            position, *_ = writer.execute("select api.read_position()").fetchone() or ("",)
        lsn = primary.sql("select pg_current_wal_insert_lsn()")
        clinic.catch_up()
        both = f"""select pg_last_wal_replay_lsn() >= '{lsn}', ({FOUND.format("late")}),
                          api.has_replayed('{position}', 3600)"""
        assert reader.execute(both.encode()).fetchone() == (True, 0, False)
        reader.rollback()
        reader.execute(as_nobody().encode())
        assert reader.execute(both.encode()).fetchone() == (True, 1, True)


@pytest.mark.parametrize("position", ["{system}-2-3", "7-1-3", "", "nonsense", "-1--1-"])
def test_position_of_another_timeline_or_server_is_replaced(clinic: Clinic, position: str) -> None:
    with counted(behind=1):
        answer = clinic.list(position.format(system=clinic.system))
    assert answer.status_code == 200
    clinic.catch_up()
    with counted(answered=1):
        assert HEADER not in clinic.list(answer.headers[HEADER]).headers


@pytest.mark.parametrize("number", ["999999999999999999", "99999999999999999999"])
def test_forged_position_of_the_future_only_reads_from_the_primary(
    clinic: Clinic, number: str
) -> None:
    with counted(behind=1):
        answer = clinic.list(f"{clinic.system}-1-{number}")
    assert answer.status_code == 200
    assert HEADER not in answer.headers


@pytest.fixture
def without_replica(
    app: Flask, settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Requests are those of a clinic without a replica, on the same database."""
    other = replace(settings, clinic="other", database_replica_url="")
    db.open_pool(other)
    monkeypatch.setitem(app.config, "SETTINGS", other)
    yield
    db._databases.pop("other").pool.close()


@pytest.mark.usefixtures("without_replica")
def test_clinic_without_a_replica_asks_for_no_position(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = []
    value = Connection.value

    def kept(self: Connection, statement: bytes, *values: Any, **more: Any) -> bytes:
        if b"from context" in statement:  # and not that of the look at the replica
            statements.append(statement)
        return value(self, statement, *values, **more)

    monkeypatch.setattr(Connection, "value", kept)
    answer = clinic.doctor.post("/v1/slots", new_slot())
    assert answer.status_code == 201
    assert HEADER not in answer.headers
    with counted():
        assert HEADER not in clinic.list("7-2-3").headers
    assert len(statements) == 2
    assert not any(b"read_position" in s or b"has_replayed" in s for s in statements)


# No request fails, whatever becomes of the replica.


def test_refusal_of_a_late_replica_is_not_the_answer(clinic: Clinic) -> None:
    with paused(clinic):
        # The replica does not know this session.
        caller = log_in(clinic.patient.holding(""), clinic.patient.email)
        with counted(refused=1):
            ok(caller.get("/v1/specialties"))


def test_replica_that_is_too_far_behind_answers_nothing(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clinic.replica, "most_seconds", -1)
    with counted(behind=1):
        ok(clinic.list())


def test_request_with_a_deadline_may_read_from_the_replica(clinic: Clinic) -> None:
    with counted(answered=1):
        ok(clinic.list(**{"Request-Deadline-Ms": "60000"}))


def test_no_request_fails_while_the_replica_stops_and_starts(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "REPLICA_WAIT_SECONDS", 0.02)
    standby, answers = clinic.pair.standby, []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            answers.append(clinic.list().status_code)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        wait_until(lambda: len(answers) > 20)
        standby.stop()
        at_stop = len(answers)
        wait_until(lambda: len(answers) > at_stop + 20)
        wait_until(lambda: lag() == math.inf)
        stop.set()
        reader.join()
        with counted(away=1):
            ok(clinic.list())
    finally:
        stop.set()
        reader.join()
        standby.start()
    assert set(answers) == {200}
    # It is used again by itself.
    clinic.pair.primary.sql("select pg_logical_emit_message(true, 'test', '')")
    wait_until(lambda: clinic.replica.is_usable and (lag() or math.inf) < math.inf)
    monkeypatch.setattr(db, "REPLICA_WAIT_SECONDS", 60)
    with counted(answered=1):
        ok(clinic.list())


@contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    """No process of a server gets any time; its connections stay open."""
    main = int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
    os.kill(main, signal.SIGSTOP)  # first, so that it starts no more
    processes = [main, *children(main)]
    send(signal.SIGSTOP, processes)
    try:
        yield
    finally:
        send(signal.SIGCONT, processes)


def send(number: int, processes: list[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # it has ended by itself
            os.kill(process, number)


def test_frozen_replica_costs_one_wait_and_no_request(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clinic.replica, "timeout", 0.2)
    with frozen(clinic.pair.standby):
        ok(clinic.list())
        assert not clinic.replica.is_usable
        with counted(away=1):
            ok(clinic.list())
    wait_until(lambda: clinic.replica.is_usable)


def test_replica_without_a_free_connection_is_left_to_others(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "REPLICA_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(db.Replica, "look", lambda _: None)
    pool = clinic.replica.pool
    held = [pool.getconn(60) for _ in range(pool.max_size)]
    try:
        with counted(busy=1):
            ok(clinic.list())
    finally:
        for connection in held:
            pool.putconn(connection)


@pytest.mark.parametrize("database", [TEMPLATE, "postgres"])
def test_standby_of_another_database_is_no_replica(
    clinic: Clinic, settings: config.Settings, database: str
) -> None:
    """As after a move of the clinic to another server."""
    url = clinic.pair.standby.url(database, "telemed_api")
    own = db.Replica(replace(settings, database_replica_url=url), db._databases[""])
    own.pool.open(wait=True, timeout=60)
    own.look()
    own.pool.close()
    assert own.is_usable is (database == TEMPLATE)


# Nothing is read unlogged, and nothing is written.


def test_reads_that_are_in_the_access_log_are_not_sent_to_the_replica(clinic: Clinic) -> None:
    """Over every operation that reads, as every role that may call it."""
    valid = ValidRequests(clinic.patient, clinic.doctor, clinic.admin)
    found = [o for o in operations(clinic.admin.contract.document) if o.method == "GET"]
    asked, replicated = {}, set()
    for operation in found:
        for role in operation.roles:
            caller: Client = getattr(valid, role)
            before = counts()
            answer = caller.send(**valid.request(operation, caller))
            asked[answer.headers["X-Request-Id"]] = operation.id
            if counts() != before:
                replicated.add(operation.id)
    entries = "select distinct request_id from app.access_logs where kind = 'read'"
    in_log = clinic.pair.primary.sql(entries, TEMPLATE).splitlines()
    logged = {asked[request_id] for request_id in in_log if request_id in asked}
    assert len(found) > 30
    assert {"get_consultation", "list_consultations", "list_prescriptions"} <= logged
    assert replicated == {o.id for o in documented() if o.takes(HEADER)}
    assert {"list_doctors", "list_open_slots", "find_open_slots"} <= replicated
    assert not logged & replicated


def test_logged_read_that_is_sent_to_the_replica_is_answered_and_logged_by_the_primary(
    clinic: Clinic, app: Flask
) -> None:
    """A mistake in the list of reads cannot lose an entry: a standby takes no write."""
    slot, _ = clinic.publish()
    clinic.patient.book({"id": slot})
    clinic.catch_up()
    caller = clinic.doctor
    with app.test_request_context("/"):
        g.user_id, g.role, g.session_id = caller.id, "doctor", caller.session_id
        g.request_id, g.from_replica = new_key(), True
        with counted(refused=1):
            found = json.loads(db.page("list_consultations", limit=50))
        entry = f"select operation from app.access_logs where request_id = '{g.request_id}'"
    assert slot in [row["slot_id"] for row in found["items"]]
    assert clinic.pair.primary.sql(entry, TEMPLATE) == "list_consultations"


def test_statement_for_a_replica_writes_nothing_even_on_a_primary(
    clinic: Clinic, app: Flask
) -> None:
    caller, code = clinic.admin, "TM301"
    statement = db._statement(
        "select to_json(api.record_denial('x', %s, null)) from context where read_only = 'on'",
        db.READ_ONLY,
    )
    with app.test_request_context("/"):
        g.user_id, g.role, g.session_id = caller.id, "admin", caller.session_id
        g.request_id = new_key()
        with db._borrow() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.value(statement, (*db._context(), code), prepare=False)


# The doctor, and a failover.


@pytest.mark.parametrize(
    ("changed", "state", "text"),
    [
        ({}, "ok", "a standby"),
        ({"DATABASE_REPLICA_LAG_SECONDS": "1"}, "warning", "the primary answers"),
        ({"DATABASE_REPLICA_URL": "primary"}, "fault", "leads to a primary"),
        ({"DATABASE_REPLICA_URL": "postgres"}, "fault", "another database"),
        ({"DATABASE_REPLICA_URL": "postgresql:///x?host=/nowhere"}, "fault", "failed"),
    ],
)
def test_doctor_looks_at_the_replica(
    clinic: Clinic, changed: dict[str, str], state: str, text: str
) -> None:
    pair = clinic.pair
    urls = {
        "primary": pair.primary.url(TEMPLATE, "telemed_api"),
        "postgres": pair.standby.url("postgres", "telemed_api"),
    }
    given = replica(pair) | {name: urls.get(value, value) for name, value in changed.items()}
    if state == "warning":
        behind = "select now() - pg_last_xact_replay_timestamp() > interval '1 s'"
        wait_until(lambda: pair.standby.sql(behind) == "t")
    findings = list(doctor.examine(["replica"], environment(urls["primary"], **given)))
    assert [f.state for f in findings if text in f.found] == [state], findings
    assert state == "fault" or not [f for f in findings if f.state == "fault"]


# The last one: afterwards there is no standby.
def test_position_of_before_a_failover_is_replaced_by_the_new_primary(
    clinic: Clinic, settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, former = clinic.pair, clinic.pair.standby
    slot, position = clinic.publish()
    clinic.catch_up()
    pair.primary.stop()
    pair.promote()
    new_timeline = f"{clinic.system}-2-"
    read_position = f"{as_nobody()}; select api.read_position()"
    assert former.sql(read_position, TEMPLATE).startswith(new_timeline)
    wait_until(lambda: not clinic.replica.is_usable)
    assert lag() == math.inf
    wait_until(lambda: clinic.list(position).status_code == 200)
    with counted(away=1):
        answer = clinic.list(position)
    assert slot in [found["id"] for found in ok(answer)["items"]]
    assert answer.headers[HEADER].startswith(new_timeline)
    slot, position = clinic.publish()
    assert position.startswith(new_timeline)
    # Before a look has found out that the server was promoted.
    monkeypatch.setattr(db.Replica, "look", lambda _: None)
    unaware = db.Replica(settings, db._databases[""])
    unaware.is_usable = True
    unaware.pool.open(wait=True, timeout=60)
    monkeypatch.setitem(db._replicas, "", unaware)
    with counted(behind=1):
        assert slot in clinic.slots(position)
    unaware.pool.close()
