"""All that this API adds to gunicorn: a worker, server hooks, and two handlers of the master.

`gunicorn.conf.py` names the hooks. docs/decisions/0016-additions-to-gunicorn.md says what each
addition is for and which test fails without it.

A thread waits while a client sends its request: production has a buffering proxy in front, which
also ends TLS.
"""

import atexit
import contextlib
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

from gunicorn.http import errors as http  # type: ignore[import-untyped]
from gunicorn.workers import gthread  # type: ignore[import-untyped]

from api import config, db, errors
from api.logs import log

# WSGI joins the values of one header with a comma, which a key may contain.
GIVEN_ONCE = ("AUTHORIZATION", "IDEMPOTENCY-KEY")
STATUSES = (
    (http.LimitRequestLine, 414),
    (http.LimitRequestHeaders, 431),
    (http.ExpectationFailed, 417),
    (http.UnsupportedTransferCoding, 501),
    (http.InvalidResponseHeader, 500),  # ours
    (http.InvalidResponseHeaderName, 500),
    (http.ConfigurationProblem, 500),
    (http.ParseException, 400),
)
DRAIN_SECONDS = 4  # at most, before graceful_timeout begins
SO_BINDTOIFINDEX = 62  # of Linux; Python has no name for it
NO_INTERFACE = 2**31 - 1
STOP = {signal.SIGTERM}

_queue = threading.local()  # seconds: how long the request of this thread waited for it
_settings = config.Settings()


class _Threads(ThreadPoolExecutor):
    """Threads that know how long their present call was queued."""

    def submit(self, call: Callable[..., Any], /, *args: Any) -> Future[Any]:  # type: ignore[override]
        queued_at = time.monotonic()

        def run() -> Any:
            _queue.seconds = time.monotonic() - queued_at
            return call(*args)

        return super().submit(run)


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker with the error answers of this API (RFC 9457)."""

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Measure how long requests wait for a thread; `pre_request` uses it."""
        return _Threads(self.cfg.threads)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep a connection for its next request, or close it after the client has.

        The client closes first (RFC 9112, section 9.6). gunicorn waits for that in the loop that
        serves all connections, up to two seconds for each client; here the poller waits.
        """
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the client is gone
            self.nr_conns -= 1
            conn.close()
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)  # gunicorn closes these at their timeout
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._linger, conn))

    def _linger(self, conn: Any, client: socket.socket) -> None:
        """Discard what a client still sends; close the connection after the client has."""
        with contextlib.suppress(OSError):
            if client.recv(65536):
                return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        self.nr_conns -= 1
        conn.close()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that does not reach the application with a problem.

        gunicorn's own method sends HTML, and logs the client's address and query.
        """
        if isinstance(exc, errors.Problem):  # of pre_request
            problem, reason = exc, "queue"
        else:
            status = next((status for kind, status in STATUSES if isinstance(exc, kind)), 500)
            problem, reason = errors.Problem(status, f"{errors.title(status)}."), type(exc).__name__
            if status == 500:
                log.error("bug", error=reason, at=errors.frames(exc.__traceback__))
        request_id = uuid4().hex
        log.info("refused", request_id=request_id, status=problem.status, reason=reason)
        body = problem.body(request_id)
        head = (
            f"HTTP/1.1 {problem.status} {errors.title(problem.status)}",
            "Connection: close",
            "Cache-Control: no-store",
            "Content-Security-Policy: default-src 'none'",
            f"Content-Type: {errors.MEDIA_TYPE}",
            f"Content-Length: {len(body)}",
            "X-Content-Type-Options: nosniff",
            f"X-Request-Id: {request_id}",
            *(f"{name}: {value}" for name, value in problem.headers.items()),
        )
        with contextlib.suppress(OSError):
            client.sendall(("\r\n".join(head) + "\r\n\r\n" + body).encode())


# Server hooks, in the order in which gunicorn calls them.


def settings() -> config.Settings:
    """Settings of this start or reload. Ends the process if they do not allow a start.

    Also makes a folder for the metrics of all workers, unless the environment names one. It has to
    exist before prometheus_client is imported, so this module must not import it.
    """
    global _settings
    try:
        _settings = config.load()
    except config.SettingsError as error:
        sys.exit(f"telemedicine: cannot start: {error}")
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        folder = tempfile.mkdtemp(prefix="telemedicine-metrics-")
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        atexit.register(_remove, folder, os.getpid())
    return _settings


def _remove(folder: str, master: int) -> None:
    if os.getpid() == master:  # the workers inherit this function
        shutil.rmtree(folder, ignore_errors=True)


def when_ready(server: Any) -> None:
    """Change what the master does on SIGTERM and SIGHUP."""
    os.register_at_fork(after_in_parent=_unblock_stop)
    stop, reload = server.handle_term, server.handle_hup

    def handle_term() -> None:
        _drain(server)
        stop()

    def handle_hup() -> None:
        if _can_reload(server):
            reload()

    server.handle_term, server.handle_hup = handle_term, handle_hup


def _drain(server: Any) -> None:
    """On shutdown, drain the accept queue before gunicorn closes the listener.

    The kernel refuses new connections from now on: a socket that is bound to no existing interface
    gets none and keeps those in its queue. The workers accept these before they stop.
    """
    if server.systemd or server.reexec_pid or server.master_pid:
        return  # others listen on the same socket
    for listener in server.LISTENERS:
        try:
            listener.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, NO_INTERFACE)
        except OSError as error:  # older than Linux 5.7
            server.log.warning("telemedicine: new connections may be lost: %s", error)
    deadline = time.monotonic() + DRAIN_SECONDS
    time.sleep(0.1)  # for TCP handshakes that have begun
    while any(listener.get_backlog() > 0 for listener in server.LISTENERS):
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)


def _can_reload(server: Any) -> bool:
    """Check the settings: gunicorn would end on wrong ones, and keeps the present ones if False."""
    try:
        new = config.load()
    except (config.SettingsError, OSError, ValueError) as error:  # ValueError: not a text file
        server.log.error("telemedicine: no reload: %s", error)
        return False
    if (new.host, new.port) != (_settings.host, _settings.port):
        server.log.error("telemedicine: no reload: HOST and PORT need a restart")
        return False
    return True


def pre_fork(server: Any, worker: Any) -> None:
    """Block SIGTERM until the worker has its own handler.

    Until then it has that of the master, which would queue the signal and never look at it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)


def _unblock_stop() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)


def post_fork(server: Any, worker: Any) -> None:
    """Open the database connections of this worker."""
    db.open_pool(_settings)


def post_worker_init(worker: Any) -> None:
    """Accept SIGTERM from now on."""
    _unblock_stop()


def pre_request(worker: Any, req: Any) -> None:
    """Refuse a request that has waited too long; empty a header that is given twice.

    When the database is slow, requests wait for a thread. An early refusal keeps the queue as
    short as what can be answered in time. Raises api.errors.Problem.
    """
    limit = 2 * worker.wsgi.config["SETTINGS"].database_pool_timeout_seconds
    if _queue.seconds > limit:
        raise errors.Problem(503, errors.DETAILS[503])
    names = [name for name, _ in req.headers]
    for name in GIVEN_ONCE:
        if names.count(name) > 1:
            others = [header for header in req.headers if header[0] != name]
            req.headers = [*others, (name, "")]


def worker_exit(server: Any, worker: Any) -> None:
    """Close the database connections of this worker."""
    db.close_pool()
