"""A TCP proxy in front of PostgreSQL that fails on demand.

It reads enough of the protocol (PostgreSQL documentation, "Message Formats") to find the end of a
statement: the API sends its context and its call with Parse, Bind, Execute and, last, Sync.
An implicit transaction is committed when the server reads Sync.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

READY = b"Z\x00\x00\x00\x05"  # ReadyForQuery; the sixth byte is the state of the transaction


CUT_BEFORE = "cut before the statement"
CUT_AFTER_STATEMENT = "cut after the statement, before COMMIT"
CUT_AFTER_COMMIT = "cut after COMMIT was sent, before its answer"
HALF_OPEN = "half-open connection: no data in either direction"
CUTS = (CUT_BEFORE, CUT_AFTER_STATEMENT, CUT_AFTER_COMMIT, HALF_OPEN)


class Proxy:
    """Listens on a free port of 127.0.0.1 and forwards to a Unix socket."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._armed: deque[str] = deque()
        self._open = threading.Event()  # cleared while everything stalls
        self._open.set()
        self.cuts_made = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, cut: str, times: int = 1) -> None:
        """Apply `cut` to the next statements on any connection."""
        self._armed.extend([cut] * times)

    def disarm(self) -> None:
        self._armed.clear()

    @contextlib.contextmanager
    def stalled(self) -> Iterator[None]:
        """Forward nothing while the block runs, and everything afterwards."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        link = _Link(client, server)
        try:
            server.connect(str(self._server))
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._backward, args=(link,), daemon=True).start()
            self._forward(link)
        except (OSError, EOFError):
            pass
        finally:
            link.close()

    def _forward(self, link: _Link) -> None:
        reader = _Frames(link.client)
        link.server.sendall(reader.startup())
        batch: list[bytes] = []
        while frame := reader.next():
            batch.append(frame)
            if frame[:1] not in b"SQX":  # until Sync, Query or Terminate
                continue
            self._open.wait()
            executes = any(f[:1] in b"EQ" for f in batch)
            cut = self._next_cut() if executes else ""
            if not self._pass_on(link, batch, cut):
                return
            batch = []

    def _next_cut(self) -> str:
        try:
            cut = self._armed.popleft()
        except IndexError:
            return ""
        self.cuts_made += 1
        return cut

    def _pass_on(self, link: _Link, batch: list[bytes], cut: str) -> bool:
        """Forward a batch, or apply `cut`. Returns whether the connection stays open."""
        if cut == CUT_BEFORE:
            return False
        if cut == CUT_AFTER_STATEMENT:
            link.server.sendall(b"".join(batch[:-1]))
            time.sleep(0.02)  # time for the server to execute; the outcome does not depend on it
            return False
        if cut == CUT_AFTER_COMMIT:
            link.drops_answers = True
        link.server.sendall(b"".join(batch))
        if cut == CUT_AFTER_COMMIT:
            link.over.wait()
            return False
        if cut == HALF_OPEN:
            link.mute = True
            link.client.settimeout(60)
            while link.client.recv(65536):  # until the API gives up
                pass
            return False
        return True

    def _backward(self, link: _Link) -> None:
        try:
            while data := link.server.recv(65536):
                self._open.wait()
                if link.drops_answers:
                    if data[-6:-1] == READY:
                        break
                elif not link.mute:
                    link.client.sendall(data)
        except OSError:
            pass
        link.over.set()
        if not link.mute:
            link.close()


class _Link:
    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.drops_answers = False
        self.mute = False
        self.over = threading.Event()

    def close(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class _Frames:
    """The messages of a client, one by one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = b""

    def startup(self) -> bytes:
        (length,) = struct.unpack("!I", self._take(4))
        return struct.pack("!I", length) + self._take(length - 4)

    def next(self) -> bytes:
        """One message with its type and length; empty at the end."""
        try:
            head = self._take(5)
            (length,) = struct.unpack("!I", head[1:])
            return head + self._take(length - 4)
        except EOFError:
            return b""

    def _take(self, size: int) -> bytes:
        while len(self._data) < size:
            data = self._connection.recv(65536)
            if not data:
                raise EOFError
            self._data += data
        taken, self._data = self._data[:size], self._data[size:]
        return taken
