"""A client that calls functions through SQL, with the statement that the API sends."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import psycopg

from api.db import CONTEXT, REPLAYED
from tests.support import context

ROLLED_BACK = "rolled back"


class Account(Protocol):
    """An account of the API."""

    @property
    def token(self) -> str:
        """An access token that is valid."""
        ...


class Person(NamedTuple):
    """A caller: an id, a role and a session for SQL, an account of the API for HTTP."""

    id: str
    role: str
    session_id: str
    account: Account | None = None

    @property
    def token(self) -> str:
        """An access token that is valid."""
        return self.account.token if self.account else ""


class Answer(NamedTuple):
    """The result of a call. code: the SQLSTATE of a refusal, "" for a success."""

    code: str
    row: dict[str, Any]
    replayed: bool = False


class Client(Protocol):
    """Calls functions as any person, and keeps the answers for counting."""

    answers: list[Answer]

    def call(self, person: Person, function: str, **arguments: object) -> Answer:
        """The answer of api.<function>; arguments: its parameters without `p_`."""
        ...

    def close(self) -> None: ...


class SqlClient:
    """A connection of the API's login, which sends the API's statement."""

    def __init__(self, url: str) -> None:
        self.answers: list[Answer] = []
        self.request_id = "race"
        self._notices: list[str] = []
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.add_notice_handler(lambda n: self._notices.append(n.sqlstate or ""))

    def call(self, person: Person, function: str, **arguments: object) -> Answer:
        answer = self._execute(person, function, **arguments)
        self.answers.append(answer)
        return answer

    def call_and_roll_back(self, person: Person, function: str, **arguments: object) -> Answer:
        """Call and roll back; the code of a success is ROLLED_BACK."""
        self.connection.execute("begin")
        answer = self._execute(person, function, **arguments)
        self.connection.execute("rollback")
        answer = answer._replace(code=answer.code or ROLLED_BACK)
        self.answers.append(answer)
        return answer

    def close(self) -> None:
        self.connection.close()

    def _execute(self, person: Person, function: str, **arguments: object) -> Answer:
        names = ", ".join(f"p_{name} => %s" for name in arguments)
        statement = f"{CONTEXT} select to_json(api.{function}({names})) from context"
        signed = context.values(person.id, person.role, self.request_id, person.session_id)
        values = (*signed, *arguments.values())
        self._notices.clear()
        try:
            (row,) = self.connection.execute(statement.encode(), values).fetchone() or (None,)
        except psycopg.Error as error:
            return Answer(error.sqlstate or type(error).__name__, {})
        # A refusal that is committed is a warning: see db/README.md.
        refusals = [code for code in self._notices if code.startswith("TM") and code != REPLAYED]
        return Answer("".join(refusals), row or {}, REPLAYED in self._notices)
