"""The worker and the hooks of gunicorn: connections, chunks, malformed requests and the queue."""

from __future__ import annotations

import json
import select
import socket
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import structlog.testing
from gunicorn.config import Config  # type: ignore[import-untyped]

from api import gunicorn_hooks, gunicorn_worker
from api.gunicorn_worker import Worker
from scripts.server import Cluster
from tests.support.client import Client, problem, race
from tests.support.raw import connect, everything, refused, request
from tests.support.server import Server, serve

CHUNKED = "Transfer-Encoding: chunked"
JSON = "Content-Type: application/json"
LOG_IN = ("POST", "/v1/auth/login", JSON)
CREDENTIALS = b'{"email": "nobody@clinic.test", "password": "no"}'

WHOLE = {
    "head": request("GET", "/health", "Connection: close"),
    "body": request(*LOG_IN, f"Content-Length: {len(CREDENTIALS)}", "Connection: close")
    + CREDENTIALS,
    "chunks": request(*LOG_IN, CHUNKED, "Connection: close")
    + b"%x;note=x\r\n%b\r\n0\r\nX-Note: x\r\n\r\n" % (len(CREDENTIALS), CREDENTIALS),
}


def status(answer: bytes) -> int:
    return int(answer.split()[1])


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    kept = request("GET", "/health/live")
    part = len(WHOLE["body"]) - 5
    with connect(server.url) as connection:
        connection.sendall(kept * 3 + WHOLE["body"][:part])
        file = connection.makefile("rb")
        for _ in range(3):
            assert status(file.readline()) == 200
            while file.readline() != b"\r\n":
                pass
            assert json.loads(file.read(len(b'{"status": "ok"}'))) == {"status": "ok"}
        connection.sendall(WHOLE["body"][part:])
        assert status(file.read()) == 401


def test_body_sent_after_100_continue_is_read(server: Server) -> None:
    head = (*LOG_IN, f"Content-Length: {len(CREDENTIALS)}", "Expect: 100-continue")
    with connect(server.url) as connection:
        connection.sendall(request(*head, "Connection: close"))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(CREDENTIALS)
        assert b"HTTP/1.1 401 " in everything(connection)


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n",
        b"\r\n",
        b"-1\r\n",
        b"2\r\n{}0\r\n\r\n",
        b"2\r\n{}XX0\r\n\r\n",
        b"2;a b\r\n{}\r\n0\r\n\r\n",
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\nbad name: x\r\n\r\n",
    ],
)
def test_body_with_malformed_chunks_is_refused(server: Server, chunks: bytes) -> None:
    with connect(server.url) as connection:
        connection.sendall(request(*LOG_IN, CHUNKED, body=chunks))
        refusal = refused(everything(connection), 400)
        assert refusal["detail"] == "The body's chunks cannot be read."


@pytest.mark.parametrize("chunks", [b"", b"f", b"f\r\n{", b"2\r\n{}\r\n"])
def test_body_with_truncated_chunks_is_refused(server: Server, chunks: bytes) -> None:
    with connect(server.url) as connection:
        connection.sendall(request(*LOG_IN, CHUNKED, body=chunks))
        connection.shutdown(socket.SHUT_WR)
        refusal = refused(everything(connection), 400)
        assert refusal["detail"] == "The body ended early."


SECRET = "secret-of-a-patient"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (f"nonsense?q={SECRET}\r\n\r\n".encode(), 400),
        (f"get /v1/me?q={SECRET} HTTP/1.1\r\n\r\n".encode(), 400),
        (f"GET /v1/me?q={SECRET} HTTP/9.9\r\n\r\n".encode(), 400),
        (request("GET", f"/v1/me?q={SECRET}", f"no header {SECRET}"), 400),
        (request("GET", "/v1/me", f"Bad Name: {SECRET}"), 400),
        (request(*LOG_IN, "Content-Length: 2", "Content-Length: 3", body=b"{}"), 400),
        (request("GET", f"/v1/me?q={SECRET}{'x' * 9000}"), 414),
        (f"GET /v1/me?q={SECRET}".encode() + b"x" * 200_000, 414),
        (request("GET", "/v1/me", f"X-Long: {SECRET}{'x' * 9000}"), 431),
        (request("GET", "/v1/me", *(f"X-{n}: {SECRET}" for n in range(60))), 431),
        (request(*LOG_IN, "Expect: unknown", "Content-Length: 2", body=b"{}"), 417),
        (request(*LOG_IN, "Transfer-Encoding: unknown"), 501),
    ],
)
def test_malformed_request_gets_a_problem_and_logs_no_secret(
    server: Server, sent: bytes, expected: int
) -> None:
    with connect(server.url) as connection:
        connection.sendall(sent)
        refusal = refused(everything(connection), expected)
    assert SECRET not in json.dumps(refusal)
    lines = [json.loads(line) for line in server.output.splitlines()]
    (line,) = (row for row in lines if row.get("request_id") == refusal["request_id"])
    assert (line["event"], line["status"]) == ("refused", expected)
    assert SECRET not in server.output
    assert "127.0.0.1" not in json.dumps(line)


def test_exception_below_the_application_is_logged_with_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(Worker, "_answer", fail)
    ours, theirs = socket.socketpair()
    with ours, theirs, structlog.testing.capture_logs() as lines:
        theirs.sendall(request("GET", "/"))
        this = object.__new__(Worker)
        monkeypatch.setattr(this, "_end", lambda _: ours.shutdown(socket.SHUT_WR), raising=False)
        this._answer_all(gunicorn_worker._Connection(Config(), ours, ("", 0), ("", 0)))
        refusal = refused(everything(theirs), 500)
    line, refusal_line = lines
    assert (line["event"], line["log_level"], line["error"]) == ("bug", "error", "RuntimeError")
    assert refusal_line["request_id"] == refusal["request_id"]
    assert line["at"][-1].endswith(" fail")
    assert SECRET not in json.dumps([line, refusal])


@pytest.mark.parametrize("name", gunicorn_hooks.GIVEN_ONCE)
def test_duplicate_header_is_emptied(name: str) -> None:
    once = [("HOST", "test"), (name, "a"), ("ACCEPT", "x"), ("ACCEPT", "y")]
    for headers, expected in (
        (once, once),
        ([*once, (name, "a")], [*once[:1], *once[2:], (name, "")]),
    ):
        req = SimpleNamespace(headers=headers)
        gunicorn_hooks.pre_request(None, req)
        assert req.headers == expected


def test_slowly_sent_request_is_answered(server: Server) -> None:
    ask = request("GET", "/health/live", "Connection: close")
    with connect(server.url) as silent, connect(server.url) as slow:
        slow.sendall(ask[:9])
        time.sleep(2.5)  # longer than a request may wait for a thread
        silent.sendall(ask)
        slow.sendall(ask[9:])
        assert [status(everything(connection)) for connection in (silent, slow)] == [200, 200]


def test_request_that_waited_too_long_for_a_thread_gets_503(
    patient: Client, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {patient.token}"}
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a database that does not answer
        url = f"postgresql://telemed_api@127.0.0.1:{silent.getsockname()[1]}/telemed"
        settings = {"WEB_CONCURRENCY": "1", "THREADS": "2"}
        with serve(url, tmp_path / "log", **settings) as server:
            ask = partial(requests.get, server.url + "/v1/me", headers=headers, timeout=60)
            answers = race([ask] * 12)
            problems = [problem(answer, 503) for answer in answers]
            assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
            assert {answer["code"] for answer in problems} == {"08000", "HTTP503"}
            assert '"reason": "queue"' in server.output
            requests.get(server.url + "/health/live", timeout=60).raise_for_status()


def test_idle_connection_is_closed_after_the_keepalive_timeout(server: Server) -> None:
    with connect(server.url) as silent, connect(server.url) as kept:
        kept.sendall(request("GET", "/health/live"))
        began = time.monotonic()
        assert everything(silent) == b""
        assert status(everything(kept)) == 200
        assert time.monotonic() - began > 4  # `keepalive` in gunicorn.conf.py, less the polling


def test_client_above_the_connection_limit_is_answered_when_another_leaves(
    cluster: Cluster, database: str, tmp_path: Path
) -> None:
    url = cluster.url(database, "telemed_api")
    arguments = {"GUNICORN_CMD_ARGS": "--worker-connections 3 --keep-alive 60"}
    with (
        serve(url, tmp_path / "log", WEB_CONCURRENCY="1", **arguments) as server,
        ExitStack() as open_,
    ):
        held = [open_.enter_context(connect(server.url)) for _ in range(3)]
        time.sleep(0.2)
        late = open_.enter_context(connect(server.url))
        late.sendall(request("GET", "/health/live"))
        late.settimeout(0.5)
        with pytest.raises(TimeoutError):
            late.recv(1)
        held[0].close()
        late.settimeout(30)
        assert status(late.recv(4096)) == 200


def test_worker_with_a_certificate_does_not_start() -> None:
    with pytest.raises(SystemExit, match="the proxy ends TLS"):
        Worker.check_config(SimpleNamespace(is_ssl=True), None)


def test_worker_stops_after_max_requests_and_the_next_one_answers(
    cluster: Cluster, database: str, tmp_path: Path
) -> None:
    url = cluster.url(database, "telemed_api")
    arguments = {"GUNICORN_CMD_ARGS": "--max-requests 5"}
    with serve(url, tmp_path / "log", WEB_CONCURRENCY="1", **arguments) as server:
        for _ in range(12):
            with connect(server.url) as connection:
                connection.sendall(request("GET", "/health/live", "Connection: close"))
                assert status(everything(connection)) == 200
            time.sleep(0.1)
        assert server.output.count("Booting worker") >= 2


@pytest.mark.parametrize(
    ("chunked", "expected"),
    [
        (False, b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nabc"),
        (True, b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    ],
)
def test_response_sends_its_head_with_the_body(chunked: bool, expected: bytes) -> None:
    sent: list[bytes] = []
    response = gunicorn_worker._Response(
        SimpleNamespace(method="GET"), SimpleNamespace(sendall=sent.append), Config()
    )
    response.default_headers = lambda: ["HTTP/1.1 200 OK\r\n"]
    response.headers, response.chunked = [("X", "y")], chunked
    response.write(b"abc")
    response.close()
    assert b"".join(sent) == expected
    assert sent[0].endswith(b"abc" if not chunked else b"abc\r\n")


def test_worker_with_more_connections_than_another_pauses_before_it_accepts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    counts, pauses = [0] * 8, []
    monkeypatch.setattr(gunicorn_worker, "connection_counts", counts)
    monkeypatch.setattr(gunicorn_worker.time, "sleep", pauses.append)
    this = object.__new__(Worker)
    this.cfg, this._values, this.age, this.alive = Config(), Config(), 3, True
    this._open, this._waiting, this._accepts = set(), {}, True
    with socket.create_server(("127.0.0.1", 0)) as listener, select.epoll() as this._poll:
        listener.setblocking(False)
        number = listener.fileno()
        this._listeners = {number: listener}
        this._poll.register(number, gunicorn_worker.ONCE)
        counts[5] = 2  # another worker has one connection
        with ExitStack() as open_:

            def crowd(size: int) -> None:
                for _ in range(size):
                    open_.enter_context(socket.create_connection(listener.getsockname()))
                this._accept(number)

            crowd(3)
            assert (counts[3], len(pauses)) == (4, 2)  # with the second and the third
            gunicorn_hooks.child_exit(None, SimpleNamespace(age=5, pid=0))
            crowd(2)
            assert (counts[3], len(pauses)) == (6, 2)  # no other worker is left
            open_.enter_context(socket.create_connection(listener.getsockname()))
            assert this._poll.poll(5) == [(number, select.EPOLLIN)]  # it listens again
            for connection in list(this._open):
                this._close(connection)
        assert counts[3] == 1
