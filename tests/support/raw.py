"""HTTP byte by byte, for requests that no client library sends."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

from tests.support.client import PROBLEM


def connect(url: str) -> socket.socket:
    """A connection to a server; nothing has been sent yet."""
    where = urlsplit(url)
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=60)


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A request with exactly these headers besides Host."""
    return (
        "\r\n".join((f"{method} {path} HTTP/1.1", "Host: test", *headers, "\r\n")).encode() + body
    )


def everything(connection: socket.socket) -> bytes:
    """Everything that a server sends until it closes the connection."""
    with connection.makefile("rb") as file:
        return file.read()


def refused(answer: bytes, status: int) -> dict[str, Any]:
    """The body of an answer that must be a problem with this status."""
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    assert line.split()[1] == str(status), answer
    headers = {name.lower(): value for name, value in (row.split(": ", 1) for row in fields)}
    found: dict[str, Any] = json.loads(body)
    assert headers["content-type"] == PROBLEM
    assert int(headers["content-length"]) == len(body)
    assert found["status"] == status
    assert found["request_id"] == headers["x-request-id"]
    return found
