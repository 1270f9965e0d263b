"""The worker of gunicorn: threads that share one epoll.

docs/decisions/0016-additions-to-gunicorn.md says what each addition to gunicorn is for and which
test fails without it; the server hooks are in api/gunicorn_hooks.py.

A thread waits while a client sends its request: production has a buffering proxy in front, which
also ends TLS.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import socket
import struct
import sys
import threading
import time
from multiprocessing.sharedctypes import RawArray
from typing import Any
from uuid import uuid4

from gunicorn.http import errors as http  # type: ignore[import-untyped]
from gunicorn.http import get_parser, wsgi
from gunicorn.http.body import LengthReader  # type: ignore[import-untyped]
from gunicorn.workers import base  # type: ignore[import-untyped]

from api import errors
from api.logs import log

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
ONCE = select.EPOLLIN | select.EPOLLONESHOT
LINGER_SECONDS = 2.0  # in which a stopping worker still answers a request on an open connection
CROWD = 64  # at most this many connections are accepted at once
PAUSE_SECONDS = 0.001  # in which a worker with fewer connections can accept the next one
LAST_DATA_RECEIVED = 52  # offset of tcpi_last_data_recv (milliseconds) in tcp_info of Linux
GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)

# The connections of each worker, plus one; 0 for none. All processes share this memory.
connection_counts = RawArray("l", 512)


class Worker(base.Worker):  # type: ignore[misc]
    """Threads that share one epoll, with the error answers of this API (RFC 9457).

    Each thread waits until any connection is readable, and answers its request itself. gunicorn's
    threaded worker polls in one thread, which hands each request to another and takes it back:
    docs/decisions/0017-threads-share-one-epoll.md.
    """

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """End a start with TLS: the proxy in front ends TLS."""
        if cfg.is_ssl:
            sys.exit("telemedicine: cannot start: remove the certificate, the proxy ends TLS")

    def run(self) -> None:
        """Serve until SIGTERM. The main thread notifies the master and closes idle connections."""
        self._values = _Values(self.cfg)
        self._poll = select.epoll()
        self._listeners = {listener.fileno(): listener for listener in self.sockets}
        self._accepts = True
        self._open: set[_Connection] = set()
        # Open connections that no thread has, by file number. `pop` gives each to one thread only.
        self._waiting: dict[int, _Connection] = {}
        for number, listener in self._listeners.items():
            listener.setblocking(False)
            self._poll.register(number, ONCE)
        self._over = os.eventfd(0)
        self._poll.register(self._over, select.EPOLLIN)
        self._count()
        for number in range(self.cfg.threads):
            threading.Thread(target=self._serve, name=f"request-{number}", daemon=True).start()
        signals = select.poll()
        signals.register(self.PIPE[0], select.POLLIN)
        while self.alive and self.ppid == os.getppid():
            self.notify()
            self._close_waiting(time.monotonic())
            if signals.poll(1000):
                os.read(self.PIPE[0], 4096)
        self._stop()

    def _stop(self) -> None:
        """Answer what clients have sent or are sending. Each answer has `Connection: close`."""
        self.alive = False
        for listener in self._listeners.values():
            self._poll.unregister(listener)
            listener.close()
        now = time.monotonic()
        last_request, deadline = now + LINGER_SECONDS, now + self.cfg.graceful_timeout
        while self._open and now < deadline:
            self.notify()
            self._close_waiting(math.inf if now > last_request else now)
            time.sleep(0.02)
            now = time.monotonic()
        os.eventfd_write(self._over, 1)

    def _close_waiting(self, now: float) -> None:
        """Close connections that have waited until their deadline."""
        for number, connection in self._waiting.copy().items():
            if connection.deadline < now and self._waiting.pop(number, None) is connection:
                self._close(connection)

    def _serve(self) -> None:
        while True:
            ((number, _),) = self._poll.poll(None, 1)
            if number == self._over:
                return
            connection = self._waiting.pop(number, None)
            try:
                if connection is None:
                    self._accept(number)
                elif connection.ends:
                    self._discard(connection)
                else:
                    self._answer_all(connection)
            except Exception as error:  # noqa: BLE001  # the thread goes on
                log.error("bug", error=type(error).__name__, at=errors.frames(error.__traceback__))
                if connection is not None:
                    self._close(connection)

    def _accept(self, number: int) -> None:
        listener = self._listeners.get(number)
        if listener is None:  # a connection that was closed at this moment
            return
        # All that are waiting: the listener gets its next turn after all readable connections.
        try:
            for _ in range(CROWD):
                if not self._has_room() or not self._accept_one(listener):
                    break
                if self._count() > min(filter(None, connection_counts)):
                    # Or the first worker that the kernel wakes takes all of a crowd.
                    time.sleep(PAUSE_SECONDS)
        finally:
            self._accepts = self._has_room()
            if self._accepts:
                self._listen()

    def _accept_one(self, listener: Any) -> bool:
        try:
            client, address = listener.accept()
        except OSError:  # no connection waits, or the listener is closed
            return False
        with contextlib.suppress(OSError):  # the client is gone
            client.setblocking(True)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(self._values, client, address, listener.getsockname())
            self._open.add(connection)
            self._poll.register(client, 0)
            self._wait(connection)
        return True

    def _has_room(self) -> bool:
        return len(self._open) < int(self.cfg.worker_connections)

    def _count(self) -> int:
        """Tell the other workers how many connections this one has, plus one. Returns it."""
        count = len(self._open) + 1
        connection_counts[self.age % len(connection_counts)] = count
        return count

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the listener is closed at a stop
            for listener in self._listeners.values():
                self._poll.modify(listener, ONCE)

    def _wait(self, connection: _Connection, deadline: float | None = None) -> None:
        """Let a connection wait until it is readable, or until `deadline`."""
        connection.deadline = deadline or time.monotonic() + self.cfg.keepalive
        number = connection.client.fileno()
        self._waiting[number] = connection  # first, because another thread may get it at once
        self._poll.modify(number, ONCE)

    def _close(self, connection: _Connection) -> None:
        connection.client.close()
        self._open.discard(connection)
        self._count()
        if not self._accepts:
            self._accepts = True
            self._listen()

    def _end(self, connection: _Connection) -> None:
        """Close a connection after its client has (RFC 9112, section 9.6)."""
        try:
            connection.client.shutdown(socket.SHUT_WR)
            connection.client.setblocking(False)
        except OSError:  # the client is gone
            self._close(connection)
            return
        connection.ends = True
        self._wait(connection)

    def _discard(self, connection: _Connection) -> None:
        """Discard what a client still sends; close the connection after the client has."""
        with contextlib.suppress(OSError):
            if connection.client.recv(65536):
                self._wait(connection, connection.deadline)
                return
        self._close(connection)

    def _answer_all(self, connection: _Connection) -> None:
        """Answer the requests of a connection. It then waits for the next one, or ends."""
        request = None
        try:
            while self._answer(connection, request := next(connection.parser)):
                if not connection.parser.unreader.buf.getvalue():
                    self._wait(connection)
                    return
            self._end(connection)
        except (StopIteration, http.NoMoreData):
            self._close(connection)
        except OSError as error:
            if error.errno not in GONE:
                log.error("bug", error=type(error).__name__, at=errors.frames(error.__traceback__))
            self._close(connection)
        except Exception as error:  # noqa: BLE001  # each gets an answer
            self.handle_error(request, connection.client, connection.address, error)
            self._end(connection)

    def _answer(self, connection: _Connection, request: Any) -> bool:
        """Answer a request. Returns whether the connection can have another one."""
        self._refuse_late(connection.client)
        self.cfg.pre_request(self, request)
        response, environ = wsgi.create(
            request,
            connection.client,
            connection.address,
            connection.server,
            self._values,
            response_class=_Response,
        )
        environ["wsgi.multithread"] = True
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
            os.write(self.PIPE[1], b".")  # wakes the main thread
        if not self.alive or not self._has_room():
            response.force_close()
        try:
            chunks = self.wsgi(environ, response.start_response)
            try:
                for chunk in chunks:
                    response.write(chunk)
                response.close()
            finally:
                if hasattr(chunks, "close"):
                    chunks.close()
        except OSError:
            raise
        except Exception as error:
            if not response.has_begun:
                raise
            log.error("bug", error=type(error).__name__, at=errors.frames(error.__traceback__))
            return False
        return not response.should_close() and self._has_no_rest(connection, request)

    def _refuse_late(self, client: socket.socket) -> None:
        """Raise Problem 503 if a request has waited too long for a thread.

        When the database is slow, requests wait in the kernel. An early refusal keeps the queue as
        short as what can be answered in time.
        """
        try:
            information = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 56)
        except OSError:  # not TCP
            return
        (milliseconds,) = struct.unpack_from("I", information, LAST_DATA_RECEIVED)
        limit = 2 * self.wsgi.config["SETTINGS"].database_pool_timeout_seconds
        if milliseconds > limit * 1000:
            raise errors.Problem(503, errors.DETAILS[503])

    def _has_no_rest(self, connection: _Connection, request: Any) -> bool:
        """Discard what the application has not read of a body. False if that takes too long."""
        reader = request.body.reader
        if isinstance(reader, LengthReader) and reader.length == 0:
            connection.parser.mesg = None  # or gunicorn looks for a rest, with five system calls
            return True
        return bool(connection.parser.finish_body(deadline=time.monotonic() + LINGER_SECONDS))

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
        from api import measures  # not before gunicorn.conf.py has made the folder of the metrics

        measures.count_refused(problem.status)
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


class _Values:
    """gunicorn's settings, each computed once: reading a request takes nineteen of them."""

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg

    def __getattr__(self, name: str) -> Any:  # called for a name that is not there yet
        value = getattr(self._cfg, name)
        setattr(self, name, value)
        return value


class _Connection:
    """A connection of a client."""

    def __init__(self, cfg: Any, client: socket.socket, address: Any, server: Any) -> None:
        self.client = client
        self.address = address
        self.server = server
        self.parser = get_parser(cfg, client, address)
        self.deadline = 0.0  # of its waiting, in time.monotonic() seconds
        self.ends = False  # whether it only waits for the client to close


class _Response(wsgi.Response):  # type: ignore[misc]
    """Sends the head together with the beginning of the body: one system call, one packet."""

    headers_sent: bool
    has_begun = False  # whether anything has been sent
    _head = b""

    def send_headers(self) -> None:
        """Keep the head until there is something of the body, or until the end."""
        if not self.headers_sent:
            lines = [*self.default_headers(), *(f"{k}: {v}\r\n" for k, v in self.headers)]
            self._head = ("".join(lines) + "\r\n").encode("latin-1")
            self.headers_sent = True

    def _emit_body(self, data: bytes) -> None:
        self.has_begun = True
        if self.chunked:
            data = b"%X\r\n%b\r\n" % (len(data), data)
        self.sock.sendall(self._head + data)
        self._head = b""

    def close(self) -> None:
        """Send what is left: the head of an answer without a body, the end of a chunked one."""
        self.send_headers()
        end = b"0\r\n\r\n" if self.chunked else b""
        if self._head or end:
            self.has_begun = True
            self.sock.sendall(self._head + end)
