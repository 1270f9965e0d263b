"""A reload (HUP) and a stop (TERM): every request whose connection is accepted gets its answer."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from scripts.server import Cluster
from tests.support.client import Client, at, new_key, ok
from tests.support.raw import connect, everything, request
from tests.support.server import Server, serve

People = Callable[..., Client]
Serve = Callable[..., Server]

CLIENTS = 12
HELD_UP = 3
PAUSE = 0.3  # seconds, at most
# Seconds after which a client no longer uses an idle connection. A server that stops closes it
# after two, and no server can answer a request that meets the close (RFC 9112, section 9.5).
IDLE = 0.5


class Caller:
    """A client of the first server that accepts it, with one connection or one for each request."""

    def __init__(self, servers: list[Server], *, keeps: bool) -> None:
        self.addresses = [urlsplit(server.url) for server in servers]
        self.keeps = keeps
        self.kept: tuple[http.client.HTTPConnection, float] | None = None

    def send(
        self, client: Client, method: str, path: str, body: object = None
    ) -> tuple[int, bytes]:
        """The status and the body. OSError or HTTPException: the answer was not complete."""
        connection = self._kept() or self._new()
        headers = {
            "Authorization": f"Bearer {client.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": new_key(),
            "Connection": "keep-alive" if self.keeps else "close",
        }
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self.kept = connection, time.monotonic()
        return answer.status, content

    def _kept(self) -> http.client.HTTPConnection | None:
        if self.kept is None:
            return None
        (connection, since), self.kept = self.kept, None
        closed = bool(select.select([connection.sock], [], [], 0)[0])
        if not closed and time.monotonic() - since < IDLE:
            return connection
        connection.close()
        return None

    def _new(self) -> http.client.HTTPConnection:
        for address in self.addresses:
            connection = http.client.HTTPConnection(
                address.hostname or "", address.port, timeout=60
            )
            try:
                connection.connect()
            except ConnectionRefusedError:  # nothing has been sent
                continue
            return connection
        raise ConnectionRefusedError

    def close(self) -> None:
        """Close the connection."""
        if self.kept:
            self.kept[0].close()


class Load:
    """Clients that keep servers busy, and their results.

    url: of the database, as a superuser. slots: those to book.
    """

    def __init__(self, url: str, new_patient: Callable[[], Client], slots: list[str]) -> None:
        self.url = url
        self.patients = [new_patient() for _ in range(CLIENTS // 3)]
        self.held_up = [new_patient() for _ in range(HELD_UP)]
        self.slots = iter(slots)
        self.booked: list[str] = []
        self.failures: list[str] = []

    @contextmanager
    def on(self, *servers: Server) -> Iterator[None]:
        """Run clients, which prefer the first server, during the block."""
        over = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as threads:
            clients = [threads.submit(self._run, n, [*servers], over) for n in range(CLIENTS)]
            try:
                yield
            finally:
                over.set()
        for client in clients:
            client.result()

    def _run(self, number: int, servers: list[Server], over: threading.Event) -> None:
        patient = self.patients[number % len(self.patients)]
        with closing(Caller(servers, keeps=number % 2 == 0)) as caller:
            while not over.wait(random.uniform(0, PAUSE if caller.keeps else PAUSE / 10)):
                slot = next(self.slots, None) if random.random() < 0.3 else None
                self._ask(caller, patient, slot)

    def _ask(self, caller: Caller, patient: Client, slot: str | None) -> None:
        """Book a slot, or read a list."""
        method, body = ("POST", {"slot_id": slot}) if slot else ("GET", None)
        try:
            status, content = caller.send(patient, method, "/v1/consultations", body)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{method} {error!r}")
            return
        if status != (201 if slot else 200):
            self.failures.append(f"{method} {status} {content!r}")
        elif slot:
            self.booked.append(json.loads(content)["id"])

    @contextmanager
    def holding_up(self, server: Server) -> Iterator[None]:
        """Let bookings wait in the database until the end of the block."""
        slots = [next(self.slots) for _ in self.held_up]
        with (
            ThreadPoolExecutor(HELD_UP) as threads,
            psycopg.connect(self.url, autocommit=True) as watch,
            psycopg.connect(self.url) as lock,
        ):
            lock.execute(
                "select from app.availability_slots where id = any(%s::uuid[]) for update", [slots]
            )
            bookings = [
                threads.submit(self._ask, Caller([server], keeps=False), patient, slot)
                for patient, slot in zip(self.held_up, slots, strict=True)
            ]
            blocked = "select count(*) from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
            this = [lock.info.backend_pid]
            until(lambda: watch.execute(blocked, this).fetchone() == (HELD_UP,))
            yield
            assert not any(booking.done() for booking in bookings)
            lock.rollback()
        for booking in bookings:
            booking.result()

    def check(self) -> None:
        """Assert that each request got its answer, and that only acknowledged bookings exist."""
        assert self.failures == []
        patients = [patient.id for patient in (*self.patients, *self.held_up)]
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "select id::text from app.consultations where patient_id = any(%s::uuid[])",
                [patients],
            ).fetchall()
        assert sorted(self.booked) == sorted(number for (number,) in rows)


@pytest.fixture(scope="module")
def slots(new_doctor: People) -> list[str]:
    """More slots than the clients of this module book."""
    hours = {
        "from": at(2).date().isoformat(),
        "to": at(8).date().isoformat(),
        "weekdays": [1, 2, 3, 4, 5, 6, 7],
        "start_time": "00:00",
        "end_time": "23:00",
        "slot_minutes": 15,
        "time_zone": "UTC",
    }
    published = ok(new_doctor().post("/v1/slots/recurring", hours), 201)["items"]
    return [slot["id"] for slot in published]


@pytest.fixture
def load(cluster: Cluster, database: str, new_patient: People, slots: list[str]) -> Load:
    """Clients that book some of the slots."""
    mine = [slots.pop() for _ in range(300)]
    return Load(cluster.url(database), new_patient, mine)


@pytest.fixture
def start(cluster: Cluster, database: str, tmp_path: Path) -> Iterator[Serve]:
    """Starts a server whose requests wait for the database up to a minute."""
    timeouts = "&options=-c%20lock_timeout%3D60s%20-c%20statement_timeout%3D60s"
    url = cluster.url(database, "telemed_api") + timeouts
    settings = {
        "DATABASE_POOL_SIZE": "8",
        "DATABASE_POOL_TIMEOUT_SECONDS": "60",
        "DATABASE_ANSWER_TIMEOUT_SECONDS": "60",
    }
    with ExitStack() as servers:

        def make(count: int = 2) -> Server:
            log = tmp_path / f"log{len(list(tmp_path.iterdir()))}"
            server: Server = servers.enter_context(
                serve(url, log, WEB_CONCURRENCY=str(count), **settings)
            )
            until(lambda: len(workers(server, "Booting")) == count)
            return server

        yield make


def until(true: Callable[[], bool]) -> None:
    """Wait until a condition is true, a minute at most."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def workers(server: Server, event: str) -> list[int]:
    """The workers with an event in the log: Booting or exiting."""
    return [int(pid) for pid in re.findall(rf"{event}\D*pid: (\d+)", server.output)]


def refuses(server: Server) -> bool:
    try:
        connect(server.url).close()
    except ConnectionRefusedError:
        return True
    return False


def keep_alive(server: Server) -> http.client.HTTPConnection:
    """A new connection for several requests."""
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    connection.connect()
    return connection


def answered(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """The whole answer to a request for /health."""
    with connection.getresponse() as answer:
        assert (answer.status, answer.read()) == (200, b'{"status": "ok"}')
    return answer


def asks_to_close(connection: http.client.HTTPConnection) -> bool:
    """Whether a worker answers with "Connection: close", or closed the connection before."""
    try:
        connection.request("GET", "/health")
        return answered(connection).will_close
    except (OSError, http.client.HTTPException):  # a stopping worker closes after two seconds
        return True


def _children(pid: int) -> set[int]:
    """The processes that a process has started."""
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _status(pid: int, line: str) -> str:
    """The first word of a line of /proc/PID/status."""
    words = re.search(rf"^{line}:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert words
    return words[1]


def _suspend(pid: int) -> None:
    """Stop a process, and wait until it stops: on a busy machine a later TERM could come first."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: _status(pid, "State") == "T")


def _has_pending_term(pid: int) -> bool:
    """Whether a TERM is pending for a stopped process."""
    return bool(int(_status(pid, "ShdPnd"), 16) >> (signal.SIGTERM - 1) & 1)


def test_reload_under_load_loses_no_request(load: Load, start: Serve) -> None:
    server = start()

    def reload() -> None:
        old = workers(server, "Booting")
        with closing(keep_alive(server)) as kept, load.holding_up(server):
            assert not asks_to_close(kept)
            server.process.send_signal(signal.SIGHUP)
            until(lambda: len(workers(server, "Booting")) == len(old) + 2)
            # The old workers got TERM, and still answer.
            until(lambda: asks_to_close(kept))
        until(lambda: sorted(workers(server, "exiting")) == sorted(old))

    with load.on(server):
        for _ in range(3):
            reload()
    load.check()


def test_stop_under_load_loses_no_request(load: Load, start: Serve) -> None:
    server, other = start(), start()
    with load.on(server, other):
        with load.holding_up(server):
            server.process.send_signal(signal.SIGTERM)
            # Immediately, so that other clients use the other server during these requests.
            until(lambda: refuses(server))
        assert server.process.wait(60) == 0
    load.check()


def test_reload_with_invalid_settings_keeps_the_present_ones(
    cluster: Cluster, database: str, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("WEB_CONCURRENCY=1\n")
    url = cluster.url(database, "telemed_api")
    with serve(url, tmp_path / "log", ENV_FILE=str(file)) as server:
        until(lambda: len(workers(server, "Booting")) == 1)
        file.write_text("WEB_CONCURRENCY=many\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "no reload: WEB_CONCURRENCY must be a whole number" in server.output)
        file.write_bytes(b"TOKEN_ISSUER=M\xfcnchen\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "no reload: 'utf-8' codec" in server.output)
        file.write_text("PORT=1\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "no reload: HOST and PORT need a restart" in server.output)
        assert not refuses(server)
        file.write_text("WEB_CONCURRENCY=2\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: len(workers(server, "Booting")) == 3)
        assert not refuses(server)


def test_connection_in_the_accept_queue_at_a_stop_is_answered(start: Serve) -> None:
    server = start()
    with ExitStack() as open_:
        suspended = workers(server, "Booting")
        for pid in suspended:
            _suspend(pid)
        try:
            waiting = [open_.enter_context(closing(keep_alive(server))) for _ in range(10)]
            for connection in waiting[1:]:
                connection.request("GET", "/health")
            server.process.send_signal(signal.SIGTERM)
            until(lambda: refuses(server))
            # No worker stops before the accept queue is empty.
            assert not any(_has_pending_term(pid) for pid in suspended)
        finally:
            for pid in suspended:
                os.kill(pid, signal.SIGCONT)
        waiting[0].request("GET", "/health")
        for connection in waiting:
            if not answered(connection).will_close:
                until(partial(asks_to_close, connection))
    assert server.process.wait(60) == 0


def test_stop_with_workers_that_do_not_accept_ends_in_time(start: Serve) -> None:
    server = start()
    suspended = workers(server, "Booting")
    for pid in suspended:
        _suspend(pid)
    with closing(keep_alive(server)):
        server.process.send_signal(signal.SIGTERM)
        until(lambda: all(_has_pending_term(pid) for pid in suspended))
    for pid in suspended:
        os.kill(pid, signal.SIGCONT)
    assert server.process.wait(60) == 0


def test_worker_that_gets_sigterm_while_it_starts_stops(start: Serve) -> None:
    server = start(1)
    (first,) = signalled = set(workers(server, "Booting"))
    os.kill(first, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while len(signalled) < 6:  # the master starts a new worker each time
        assert time.monotonic() < deadline
        for pid in _children(server.process.pid) - signalled:
            os.kill(pid, signal.SIGTERM)
            signalled.add(pid)
    until(lambda: signalled <= set(workers(server, "exiting")))


def test_client_that_keeps_its_connection_open_delays_no_other(start: Serve) -> None:
    server = start(1)
    seconds = []
    with ExitStack() as open_:
        for _ in range(20):
            began = time.monotonic()
            connection = open_.enter_context(connect(server.url))
            connection.sendall(request("GET", "/health", "Connection: close"))
            answer = everything(connection)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b'{"status": "ok"}')
            seconds.append(time.monotonic() - began)
    # Without the addition, gunicorn answers no other client for two seconds.
    assert min(seconds[1:]) < 1
