"""A client that calls functions through HTTP, with the same interface as SqlClient."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from tests.support.sql_client import Answer, Person

PATHS = {
    "book_consultation": "/v1/consultations",
    "reschedule_consultation": "/v1/consultations/{consultation_id}/reschedule",
    "publish_slot": "/v1/slots",
    "record_payment": "/v1/consultations/{consultation_id}/payments",
    "refund_payment": "/v1/payments/{payment_id}/refunds",
}
STATUSES = {"TM2": 422, "TM9": 409}
# Shorter than the keep-alive of the server, which closes a connection after five idle seconds.
LONGEST_PAUSE_SECONDS = 2


class HttpClient:
    """A connection to the running API that stays open from request to request."""

    def __init__(self, url: str) -> None:
        self.answers: list[Answer] = []
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._last_used = 0.0

    def call(self, person: Person, function: str, **arguments: object) -> Answer:
        try:
            answer = self._send(person, function, **arguments)
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()
            answer = Answer(type(error).__name__, {})
        self.answers.append(answer)
        return answer

    def close(self) -> None:
        self._connection.close()

    def _send(self, person: Person, function: str, **arguments: object) -> Answer:
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
