"""A connection that sends a statement and returns one value, with little work in between.

It uses psycopg's interface to libpq and its adaptation of values. A cursor of psycopg can do much
more, and takes 60 us of a read's 350.
"""

import contextlib
import math
import secrets
import select
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

# A time limit in milliseconds for the next statement of the transaction, unless the one that
# PostgreSQL has is shorter. A statement cannot change its own limit.
LIMIT = b"""
select set_config('statement_timeout', $1::text, true)
 where current_setting('statement_timeout') = '0'
    or $1::text::integer * interval '1 millisecond'
        < current_setting('statement_timeout')::interval
"""


CANCEL_SECONDS = 1.0  # at most, to cancel what a server does not answer
Texts: TypeAlias = Sequence[Buffer | None]


class Notice(NamedTuple):
    """A notice of the server: its SQLSTATE, MESSAGE and DETAIL."""

    sqlstate: str
    message: str
    detail: str


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that keeps the notices of the server."""

    answer_timeout = 5.0  # seconds in which the server must send something
    cancels = True  # whether it cancels what the server does not answer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepare_threshold = None  # psycopg itself prepares nothing
        self.notices: list[Notice] = []
        self.second = b""  # the second column of the last answer, if it had one
        self.add_notice_handler(self._keep)
        # No two connections share a name. Behind a pooler, a name of one client could run the
        # statement of another client; with unique names that is an error.
        self._prefix = secrets.token_hex(8)
        self._names: dict[bytes, bytes] = {}  # names by statement
        self._transformer = Transformer(self)
        self._answers = select.poll()
        self._answers.register(self.pgconn.socket, select.POLLIN)

    def value(
        self,
        statement: bytes,
        values: Sequence[object],
        *,
        prepare: bool,
        limit: float | None = None,
    ) -> bytes:
        """The first column of the first row, in PostgreSQL's text format. Empty if it is null.

        statement: SQL with $1, $2 and so on, which the server prepares once if `prepare`. The
        server infers the types of the values. limit: the seconds after which the server cancels and
        rolls back the statement, if its own limit is not shorter; sent in the same round trip.
        Raises psycopg.Error; OperationalError, with the connection closed, if the server does not
        answer in time.
        """
        self.notices.clear()
        self.second = b""
        texts = self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
        name = (self._names.get(statement) or self._prepare(statement)) if prepare else None
        if limit is None:
            self._send(statement, name, texts)
            result = self._result()
        else:
            result = self._limited_result(statement, name, texts, limit)
        if not result.ntuples:
            return b""
        if result.nfields > 1:
            self.second = result.get_value(0, 1) or b""
        return result.get_value(0, 0) or b""

    def is_readable(self, seconds: float) -> bool:
        """Whether the server sends something within `seconds`, or has closed the connection."""
        return bool(self._answers.poll(seconds * 1000))

    def next_name(self) -> bytes:
        """The name of the next prepared statement."""
        return f"api_{self._prefix}_{len(self._names)}".encode()

    def _send(self, statement: bytes, name: bytes | None, texts: Texts) -> None:
        if name is None:
            self.pgconn.send_query_params(statement, texts)
        else:
            self.pgconn.send_query_prepared(name, texts)

    def _limited_result(
        self, statement: bytes, name: bytes | None, texts: Texts, limit: float
    ) -> PGresult:
        server = self.pgconn
        server.enter_pipeline_mode()  # all that is sent up to the end is one transaction
        server.send_query_params(LIMIT, [str(math.ceil(limit * 1000)).encode()])
        self._send(statement, name, texts)
        server.pipeline_sync()
        try:
            self._result()
            return self._result()
        finally:
            while server.status == ConnStatus.OK and server.pipeline_status:
                result = self._next()
                if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
                    server.exit_pipeline_mode()

    def _prepare(self, statement: bytes) -> bytes:
        name = self.next_name()
        self.pgconn.send_prepare(name, statement)
        self._result()
        self._names[statement] = name
        return name

    def _result(self) -> PGresult:
        server = self.pgconn
        while server.flush():  # the server has not read all of it yet
            self._wait(select.POLLIN | select.POLLOUT)
            server.consume_input()
        first = None
        while (result := self._next()) is not None:
            first = first or result
        if first is None:
            raise psycopg.OperationalError("the server has closed the connection")
        if first.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise error_from_result(first)
        return first

    def _next(self) -> PGresult | None:
        server = self.pgconn
        while server.is_busy():
            self._wait()
            server.consume_input()
        return server.get_result()

    def _wait(self, events: int = select.POLLIN) -> None:
        poll = self._answers
        if events != select.POLLIN:
            poll = select.poll()
            poll.register(self.pgconn.socket, events)
        if not poll.poll(self.answer_timeout * 1000):  # a host may vanish silently
            # PostgreSQL does not notice that its client has left while it waits for a lock or for
            # a synchronous standby: without this, each request would leave a process behind.
            if self.cancels:
                with contextlib.suppress(psycopg.Error):
                    self.cancel_safe(timeout=CANCEL_SECONDS)
            # Reused, the connection would give the late answer to the next request.
            self.close()
            raise psycopg.OperationalError("the server does not answer")

    def _keep(self, notice: psycopg.errors.Diagnostic) -> None:
        # The memory of the notice is freed after this call.
        texts = (notice.sqlstate, notice.message_primary, notice.message_detail)
        self.notices.append(Notice(*(text or "" for text in texts)))


class ReplicaConnection(Connection):
    """A connection to a replica.

    Nothing waits there for a lock of a writer or for a standby, so what does not answer is ended by
    the time limit of the role, and no request waits to cancel it.
    """

    cancels = False
