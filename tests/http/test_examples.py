"""The examples of the document work on a server with the demo data.

Each request is sent as the document shows it, by a demo account that may do it, and its answer is
compared with the schema (tests.support.client.Contract).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from scripts.run import DEMO_PASSWORD
from scripts.server import Cluster
from tests.support.client import Client, Contract, ok
from tests.support.demo import load_demo_data
from tests.support.operations import Operation, documented
from tests.support.server import serve, wait_for

# Tokens, codes and sessions are known only to those who get them, and no consultation of the demo
# data is always going on: these requests are right in form.
REFUSED = {
    "refresh_session": (401,),
    "reset_password": (422,),
    "verify_email": (422,),
    "confirm_mfa": (401, 409),
    "disable_mfa": (409,),
    "end_session": (404,),
    "join_consultation": (409,),
    "get_calendar_feed": (404,),
    # There is no webhook: its receiver would not exist.
    "get_webhook": (404,),
    "update_webhook": (404,),
    "delete_webhook": (404,),
    "rotate_webhook_secret": (404,),
    "ping_webhook": (404,),
    "list_webhook_attempts": (404,),
    "redeliver_webhook": (404,),
}
# After all others: they end what the other examples are about.
LAST = ("log_out", "withdraw_slot", "deactivate_user", "close_my_account", "change_password")


def place(operation: Operation) -> tuple[int, int]:
    """Reads first; what ends something last."""
    return (LAST.index(operation.id) if operation.id in LAST else -1, operation.method != "GET")


@pytest.fixture(scope="module")
def demo(
    cluster: Cluster,
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Client]:
    """A stranger at a server with the demo data."""
    database = new_database()
    load_demo_data(cluster, database)
    cluster.sql("update app.log_in_limits set free_attempts = 1000000", database)
    # The rule of production, which new_database switches off.
    cluster.sql("update app.clinic_settings set completion_lead = '15 minutes'", database)
    log = tmp_path_factory.mktemp("examples") / "log"
    with serve(cluster.url(database, "telemed_api"), log, WEB_CONCURRENCY="1") as server:
        wait_for(server.url + "/health/ready", 200)
        document = requests.get(server.url + "/openapi.json", timeout=60).json()
        yield Client(server.url, Contract(document))


def log_in(stranger: Client, role: str) -> Client:
    body = {"email": f"{role}@example.com", "password": DEMO_PASSWORD}
    tokens = ok(stranger.post("/v1/auth/login", body))
    return Client(stranger.url, stranger.contract, tokens["access_token"], tokens=tokens)


def shown(operation: Operation) -> dict[str, Any]:
    """The arguments of Client.send for the request that the document shows."""
    path, headers, query = operation.path, {}, {}
    for parameter in operation.described.get("parameters", ()):
        if "example" in parameter:
            name, value = parameter["name"], parameter["example"]
            path = path.replace(f"{{{name}}}", str(value))
            if parameter["in"] == "header":
                headers[name] = value
            elif parameter["in"] == "query":
                query[name] = value
    body = operation.described.get("requestBody", {}).get("content", {})
    return {
        "method": operation.method,
        "path": path,
        "headers": headers,
        "params": query,
        "json": body["application/json"]["example"] if body else None,
    }


@pytest.mark.parametrize("operation", sorted(documented(), key=place), ids=lambda o: o.id)
def test_example_of_a_request_works_on_the_demo_data(operation: Operation, demo: Client) -> None:
    # The account of the patient is closed by then.
    role = "admin" if operation.id == "change_password" else (operation.roles or [""])[0]
    caller = log_in(demo, role) if role else demo
    answer = caller.send(**shown(operation))
    (success,) = (status for status in operation.described["responses"] if status < "300")
    assert answer.status_code in REFUSED.get(operation.id, (int(success),)), answer.text
    if operation.takes("Idempotency-Key"):
        again = caller.send(**shown(operation))
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (int(success), "true")
