"""gunicorn's threaded worker, with this API's manners where no application answers.

A thread waits for as long as a client takes to send its request: production has a buffering proxy
in front, which also ends TLS.
"""

import contextlib
import selectors
import socket
import time
from functools import partial
from typing import Any
from uuid import uuid4

from gunicorn.http import errors as http  # type: ignore[import-untyped]
from gunicorn.workers import gthread  # type: ignore[import-untyped]

from api import errors
from api.logs import log

# WSGI joins headers of one name with a comma, which may be part of a key.
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


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """Refuses with problems (RFC 9457) what no application sees."""

    def set_accept_enabled(self, enabled: bool) -> None:
        """Listen or not. Who stops serves those whom the kernel has let in, and shuts the door.

        gunicorn keeps it open until the last answer, but serves nobody who enters meanwhile.
        """
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                before = -1
                while before < self.nr_conns < self.worker_connections:
                    before = self.nr_conns
                    self.accept(listener)  # counts a connection if there was one
                listener.close()

    def finish_request(self, conn: Any, answered: Any) -> None:
        """Keep a connection for its next request, or say goodbye.

        The client hangs up first (RFC 9112, section 9.6). gunicorn waits for that in the loop which
        serves everybody, two seconds for each client who does not; the poller can wait as well.
        """
        if answered.cancelled() or answered.exception() or answered.result():
            super().finish_request(conn, answered)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the client is gone
            self.nr_conns -= 1
            conn.close()
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)  # those are closed when their time is over
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.hang_up, conn))

    def hang_up(self, conn: Any, client: socket.socket) -> None:
        """Close a connection after its client has; what still comes until then is not for us."""
        with contextlib.suppress(OSError):
            if client.recv(65536):
                return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        self.nr_conns -= 1
        conn.close()

    def enqueue_req(self, conn: Any) -> None:
        """Let a request wait for a thread."""
        conn.waits_since = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Serve a connection. What its client takes to send a request is no waiting for us."""
        conn.waited = time.monotonic() - conn.waits_since
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer one request. What must stand once but stands twice counts as malformed.

        When the database is slow, requests wait here for a thread. Those that have waited too long
        are told at once, so that the queue never grows beyond what can be answered in time.
        """
        patience = 2 * self.wsgi.config["SETTINGS"].database_pool_timeout_seconds
        if conn.waited > patience:
            self._refuse(conn.sock, errors.Problem(503, errors.DETAILS[503]), "queue")
            return False
        names = [name for name, _ in req.headers]
        for name in GIVEN_ONCE:
            if names.count(name) > 1:
                others = [header for header in req.headers if header[0] != name]
                req.headers = [*others, (name, "")]
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that cannot be read.

        gunicorn's own version sends HTML and writes the client's address and query into the log.
        """
        status = next((s for kind, s in STATUSES if isinstance(exc, kind)), 500)
        problem = errors.Problem(status, f"{errors.title(status)}.")
        if status == 500:
            log.error("bug", error=type(exc).__name__, at=errors.frames(exc.__traceback__))
        self._refuse(client, problem, type(exc).__name__)

    def _refuse(self, client: socket.socket, problem: errors.Problem, reason: str) -> None:
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
