"""One client, through SQL or through HTTP: both speak of functions and their arguments."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import psycopg

from api.db import CONTEXT, REPLAYED
from tests import context
from tests.client import Client as Api

ROLLED_BACK = "rolled back"
PATHS = {
    "book_consultation": "/v1/consultations",
    "reschedule_consultation": "/v1/consultations/{consultation_id}/reschedule",
    "publish_slot": "/v1/slots",
    "record_payment": "/v1/consultations/{consultation_id}/payments",
    "refund_payment": "/v1/payments/{payment_id}/refunds",
}
STATUSES = {"TM2": 422, "TM9": 409}
# Sooner than the server, which closes a connection that is idle for five seconds.
LONGEST_PAUSE_SECONDS = 2


class Person(NamedTuple):
    """Who asks: an id, a role and a session for SQL, an account of the API for HTTP."""

    id: str
    role: str
    session_id: str
    account: Api | None = None

    @property
    def token(self) -> str:
        """An access token that is in force."""
        return self.account.token if self.account else ""


class Answer(NamedTuple):
    """What came back. code: the SQLSTATE of a refusal, "" when there was none."""

    code: str
    row: dict[str, Any]
    replayed: bool = False


class Client(Protocol):
    """Calls functions as somebody; a client's answers are kept for counting."""

    answers: list[Answer]

    def call(self, person: Person, function: str, **arguments: object) -> Answer:
        """The answer of api.<function>; arguments: its parameters without `p_`."""
        ...

    def close(self) -> None: ...


class SqlClient:
    """A connection of the login that the API uses, with the statement that the API sends."""

    def __init__(self, url: str) -> None:
        self.answers: list[Answer] = []
        self.request_id = "race"
        self._notices: list[str] = []
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.add_notice_handler(lambda n: self._notices.append(n.sqlstate or ""))

    def call(self, person: Person, function: str, **arguments: object) -> Answer:
        answer = self._ask(person, function, **arguments)
        self.answers.append(answer)
        return answer

    def call_and_roll_back(self, person: Person, function: str, **arguments: object) -> Answer:
        """What worked is taken back, and its code is ROLLED_BACK."""
        self.connection.execute("begin")
        answer = self._ask(person, function, **arguments)
        self.connection.execute("rollback")
        answer = answer._replace(code=answer.code or ROLLED_BACK)
        self.answers.append(answer)
        return answer

    def close(self) -> None:
        self.connection.close()

    def _ask(self, person: Person, function: str, **arguments: object) -> Answer:
        names = ", ".join(f"p_{name} => %s" for name in arguments)
        statement = f"{CONTEXT} select to_json(api.{function}({names})) from context"
        who = context.values(person.id, person.role, self.request_id, person.session_id)
        values = (*who, *arguments.values())
        self._notices.clear()
        try:
            (row,) = self.connection.execute(statement.encode(), values).fetchone() or (None,)
        except psycopg.Error as error:
            return Answer(error.sqlstate or type(error).__name__, {})
        # A refusal that is committed is a warning: see db/README.md.
        refusals = [code for code in self._notices if code.startswith("TM") and code != REPLAYED]
        return Answer("".join(refusals), row or {}, REPLAYED in self._notices)


class HttpClient:
    """A connection to the running API that stays open from request to request."""

    def __init__(self, url: str) -> None:
        self.answers: list[Answer] = []
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._last_used = 0.0

    def call(self, person: Person, function: str, **arguments: object) -> Answer:
        try:
            answer = self._ask(person, function, **arguments)
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()
            answer = Answer(type(error).__name__, {})
        self.answers.append(answer)
        return answer

    def close(self) -> None:
        self._connection.close()

    def _ask(self, person: Person, function: str, **arguments: object) -> Answer:
        headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"}
        if key := arguments.pop("idempotency_key", None):
            headers["Idempotency-Key"] = str(key)
        template = PATHS[function]
        body = {name: value for name, value in arguments.items() if f"{{{name}}}" not in template}
        if time.monotonic() - self._last_used > LONGEST_PAUSE_SECONDS:
            self._connection.close()  # the request opens it again
        self._connection.request("POST", template.format(**arguments), json.dumps(body), headers)
        response = self._connection.getresponse()
        row = json.loads(response.read())
        self._last_used = time.monotonic()
        code = row["code"] if response.status >= 400 else ""
        if code and response.status != STATUSES.get(code[:3]):
            code = f"{response.status} {code}"
        return Answer(code, row, "Idempotency-Replayed" in response.headers)
