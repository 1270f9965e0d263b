"""gunicorn's threaded worker, with this API's manners where no application answers.

A thread waits for as long as a client takes to send its request: production has a buffering proxy
in front, which also ends TLS.
"""

import contextlib
import socket
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

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer one request. What must stand once but stands twice counts as missing."""
        names = [name for name, _ in req.headers]
        for name in GIVEN_ONCE:
            if names.count(name) > 1:
                req.headers = [header for header in req.headers if header[0] != name]
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that cannot be read.

        gunicorn's own version sends HTML and writes the client's address and query into the log.
        """
        status = next((s for kind, s in STATUSES if isinstance(exc, kind)), 500)
        request_id = uuid4().hex
        log.info("refused", request_id=request_id, status=status, reason=type(exc).__name__)
        body = errors.Problem(status, f"{errors.title(status)}.").body(request_id)
        head = (
            f"HTTP/1.1 {status} {errors.title(status)}",
            "Connection: close",
            "Cache-Control: no-store",
            f"Content-Type: {errors.MEDIA_TYPE}",
            f"Content-Length: {len(body)}",
            "X-Content-Type-Options: nosniff",
            f"X-Request-Id: {request_id}",
        )
        with contextlib.suppress(OSError):
            client.sendall(("\r\n".join(head) + "\r\n\r\n" + body).encode())
