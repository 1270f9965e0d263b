"""Password reset: the message with a token, and the new password."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest
import requests

from api.db import CONTEXT
from scripts.server import Cluster
from tests.support import context
from tests.support.client import PASSWORD, Client, ok, places, problem, race
from tests.support.people import log_in
from tests.support.server import Server, new_secrets, serve, wait_for

NEW_PASSWORD = "a staple, a battery and a horse"
MANY = 64


def deliveries(server: Server) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.output.splitlines()]
    return [line for line in lines if line["event"] == "delivery"]


def request_reset(client: Client, email: str) -> requests.Response:
    answer = client.post("/v1/auth/password-reset", {"email": email})
    assert (answer.status_code, answer.content) == (202, b""), answer.text
    return answer


def message(server: Server, stranger: Client, email: str) -> str | None:
    """Request a reset for an address. Returns the token of the message, None without one."""
    request_id = request_reset(stranger, email).headers["X-Request-Id"]
    sent = [line for line in deliveries(server) if line["request_id"] == request_id]
    if not sent:
        return None
    (line,) = sent
    assert line["kind"] == "password_reset"
    assert line["delivered"] is True
    return str(line["token"])


@pytest.fixture
def token(server: Server, stranger: Client, patient: Client) -> str:
    """A reset token that was sent to the patient."""
    sent = message(server, stranger, patient.email)
    assert sent
    return sent


def confirm(client: Client, token: str, password: str = NEW_PASSWORD) -> requests.Response:
    body = {"token": token, "new_password": password}
    return client.post("/v1/auth/password-reset/confirm", body)


def refused(answer: requests.Response) -> None:
    problem(answer, 422, "TM222")
    assert places(answer) == ["#/token"]


def test_reset_replaces_the_password(stranger: Client, patient: Client, token: str) -> None:
    phone = log_in(stranger, patient.email)
    answer = confirm(stranger, token)
    assert (answer.status_code, answer.content) == (204, b""), answer.text
    # Every session has ended, and the reset begins none.
    for old in (patient, phone):
        problem(old.get("/v1/me"), 401, "TM102")
        body = {"refresh_token": old.tokens["refresh_token"]}
        problem(stranger.post("/v1/auth/refresh", body), 401, "TM104")
    body = {"email": patient.email, "password": PASSWORD}
    problem(stranger.post("/v1/auth/login", body), 401, "TM103")
    renewed = log_in(stranger, patient.email, NEW_PASSWORD)
    assert [s["id"] for s in ok(renewed.get("/v1/me/sessions"))["items"]] == [renewed.session_id]


def test_reset_token_used_twice_is_refused(stranger: Client, patient: Client, token: str) -> None:
    assert confirm(stranger, token).status_code == 204
    refused(confirm(stranger, token, "another password of mine"))
    log_in(stranger, patient.email, NEW_PASSWORD)


def test_reset_token_expires_after_half_an_hour(
    cluster: Cluster, database: str, stranger: Client, patient: Client, token: str
) -> None:
    cluster.sql(
        "update app.password_resets set requested_at = requested_at - interval '30 minutes',"
        f" expires_at = expires_at - interval '30 minutes' where user_id = '{patient.id}'",
        database,
    )
    refused(confirm(stranger, token))
    log_in(stranger, patient.email)


def test_reset_token_stays_valid_after_further_requests(
    server: Server, stranger: Client, patient: Client, token: str
) -> None:
    newer = message(server, stranger, patient.email)
    assert newer
    assert newer != token
    assert confirm(stranger, token).status_code == 204
    # A new password revokes the other tokens.
    refused(confirm(stranger, newer, "another password of mine"))


def test_reset_messages_after_the_fifth_are_sent_every_five_minutes(
    cluster: Cluster, database: str, server: Server, stranger: Client, patient: Client
) -> None:
    sent = [message(server, stranger, patient.email) for _ in range(7)]
    assert [text is not None for text in sent] == [*[True] * 5, False, False]
    cluster.sql(
        "update app.password_resets set requested_at = requested_at - interval '5 minutes'"
        f" where user_id = '{patient.id}' and revoked_at is null",
        database,
    )
    assert message(server, stranger, patient.email)
    assert message(server, stranger, patient.email) is None
    assert sent[0]
    assert confirm(stranger, sent[0]).status_code == 204


def test_reset_request_for_an_unknown_address_gets_the_same_answer(
    server: Server, stranger: Client, patient: Client
) -> None:
    known, unknown = (
        request_reset(stranger, patient.email),
        request_reset(stranger, "nobody@clinic.test"),
    )
    different = {"Date", "X-Request-Id", "RateLimit-Remaining", "RateLimit-Reset"}
    assert {k: v for k, v in known.headers.items() if k not in different} == {
        k: v for k, v in unknown.headers.items() if k not in different
    }
    assert message(server, stranger, "nobody@clinic.test") is None
    assert places(stranger.post("/v1/auth/password-reset", {"email": "nobody"})) == ["#/email"]


def test_reset_message_goes_to_the_address_of_the_account(
    server: Server, stranger: Client, patient: Client
) -> None:
    assert message(server, stranger, patient.email.upper())
    assert deliveries(server)[-1]["email"] == patient.email


def test_reset_request_in_another_unicode_form_sends_the_message(
    server: Server, stranger: Client
) -> None:
    email = "r\u00e9set@clinic.test"
    body = {"email": email, "password": PASSWORD, "full_name": "Pat"}
    ok(stranger.post("/v1/auth/signup", body), 201)
    assert message(server, stranger, "RE\u0301SET@clinic.test")
    assert deliveries(server)[-1]["email"] == email


def test_deactivated_account_gets_no_reset_message_and_uses_no_token(
    server: Server, stranger: Client, admin: Client, patient: Client, token: str
) -> None:
    ok(admin.post(f"/v1/admin/users/{patient.id}/deactivate"))
    assert message(server, stranger, patient.email) is None
    refused(confirm(stranger, token))
    ok(admin.post(f"/v1/admin/users/{patient.id}/activate"))
    refused(confirm(stranger, token))
    log_in(stranger, patient.email)


def test_reset_token_after_a_password_change_is_refused(
    stranger: Client, patient: Client, token: str
) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    ok(patient.post("/v1/me/password", body))
    refused(confirm(stranger, token, "another password of mine"))
    log_in(stranger, patient.email, NEW_PASSWORD)


def test_reset_with_a_weak_password_is_refused(
    stranger: Client, patient: Client, token: str
) -> None:
    assert places(confirm(stranger, token, "elevenchars")) == ["#/new_password"]
    expected = ["#/new_password", "#/token"]
    assert places(stranger.post("/v1/auth/password-reset/confirm", {})) == expected
    for invalid in ("x" * 43, token.swapcase(), token[:-1], f"{token}\u00e4"):
        refused(confirm(stranger, invalid))
    assert confirm(stranger, token).status_code == 204


def test_reset_token_used_concurrently_is_accepted_once(
    stranger: Client, patient: Client, token: str
) -> None:
    passwords = [f"{NEW_PASSWORD} {n}" for n in range(MANY)]

    def confirm_with_retries(password: str) -> requests.Response:
        while (answer := confirm(stranger, token, password)).status_code == 503:
            pass  # too many passwords are being hashed
        return answer

    answers = race([lambda p=password: confirm_with_retries(p) for password in passwords])
    assert Counter(a.status_code for a in answers) == {204: 1, 422: MANY - 1}
    assert {a.json()["code"] for a in answers if a.status_code == 422} == {"TM222"}
    (chosen,) = (p for p, a in zip(passwords, answers, strict=True) if a.status_code == 204)
    log_in(stranger, patient.email, chosen)


def at_once(url: str, statement: str, all_values: list[tuple[object, ...]]) -> list[Any]:
    """The results of many connections: the column of the row, or the SQLSTATE of a refusal."""
    start = Barrier(len(all_values))

    def call(connection: psycopg.Connection[Any], arguments: tuple[object, ...]) -> Any:
        start.wait()
        try:
            signed = context.values("", "", "race", "")
            values = (*signed, *arguments)
            row = connection.execute((CONTEXT + statement).encode(), values).fetchone()
        except psycopg.Error as error:
            return error.sqlstate
        return row and row[0]

    with ExitStack() as stack, ThreadPoolExecutor(len(all_values)) as threads:
        connections = [
            stack.enter_context(psycopg.connect(url, autocommit=True)) for _ in all_values
        ]
        # Long time-outs, because a time-out would say nothing about the token.
        for connection in connections:
            connection.execute("set lock_timeout = '60s'")
            connection.execute("set statement_timeout = '60s'")
        return list(threads.map(call, connections, all_values))


def test_reset_token_used_on_concurrent_connections_is_accepted_once(
    cluster: Cluster, database: str, patient: Client, token: str
) -> None:
    """The API limits concurrent hashing; through SQL all calls reach the database at once."""
    hashes = ["$2b$04$" + f"{n:02d}" + "." * 51 for n in range(MANY)]
    answers = at_once(
        cluster.url(database, "telemed_api"),
        "select 'changed' from context, api.reset_password(%s, %s) where request_id is not null",
        [(token, password_hash) for password_hash in hashes],
    )
    assert Counter(answers) == {"changed": 1, "TM222": MANY - 1}
    stored = cluster.sql(
        f"select password_hash from app.users where id = '{patient.id}'", database
    ).strip()
    assert stored == hashes[answers.index("changed")]


def test_concurrent_reset_requests_send_at_most_five_messages(
    cluster: Cluster, database: str, patient: Client
) -> None:
    url = cluster.url(database, "telemed_api")
    statement = (
        "select (select count(*) from api.request_password_reset(%s)"
        " where context.request_id is not null) from context"
    )
    answers = at_once(url, statement, [(patient.email,)] * 16)
    assert set(answers) <= {0, 1}
    assert 1 <= sum(answers) <= 5
    in_force = "used_at is null and revoked_at is null"
    found = cluster.sql(
        f"select count(*), count(*) filter (where {in_force}) from app.password_resets"
        f" where user_id = '{patient.id}'",
        database,
    )
    assert found.strip() == f"{sum(answers)}|{sum(answers)}"


def test_two_reset_tokens_used_concurrently_leave_one_password(
    server: Server, stranger: Client, patient: Client, token: str
) -> None:
    newer = message(server, stranger, patient.email)
    assert newer
    other = "the password of an old message"
    answers = race(
        [
            lambda: confirm(stranger, token, other),
            lambda: confirm(stranger, newer, NEW_PASSWORD),
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [204, 422]
    first_wins = answers[0].status_code == 204
    refused(answers[1] if first_wins else answers[0])
    log_in(stranger, patient.email, other if first_wins else NEW_PASSWORD)


def test_audit_log_has_reset_requests_without_tokens(
    admin: Client, server: Server, stranger: Client, patient: Client
) -> None:
    body = {"email": patient.email}
    headers = {"X-Request-Id": f"request_reset-{patient.id}"}
    stranger.send("POST", "/v1/auth/password-reset", json=body, headers=headers)
    token = deliveries(server)[-1]["token"]
    body = {"token": token, "new_password": NEW_PASSWORD}
    headers = {"X-Request-Id": f"confirm-{patient.id}"}
    stranger.send("POST", "/v1/auth/password-reset/confirm", json=body, headers=headers)

    def audit_log(step: str) -> list[dict[str, Any]]:
        found = ok(admin.get("/v1/admin/audit-logs", request_id=f"{step}-{patient.id}"))["items"]
        assert token not in str(found)
        assert "_hash" not in str(found)
        return list(found)

    (asked,) = audit_log("request_reset")
    assert (asked["table_name"], asked["operation"], asked["user_id"]) == (
        *("password_resets", "INSERT"),
        None,
    )
    assert asked["new"]["user_id"] == patient.id
    confirmed = audit_log("confirm")
    assert {row["table_name"] for row in confirmed} == {
        "email_verifications",
        "password_resets",
        "sessions",
        "users",
    }
    assert {row["user_id"] for row in confirmed} == {patient.id}


def test_production_log_has_neither_reset_token_nor_address(
    cluster: Cluster,
    database: str,
    stranger: Client,
    new_patient: Callable[[], Client],
    tmp_path: Path,
) -> None:
    patient = new_patient()
    settings = {
        "APP_ENV": "production",
        "BCRYPT_COST": "10",
        "WEB_CONCURRENCY": "1",
        **new_secrets(),
    }
    key = settings["CONTEXT_KEY"]
    cluster.sql(f"set role telemed_internal; select ops.add_context_key('{key}')", database)
    url = cluster.url(database, "telemed_api")
    with serve(url, tmp_path / "log", **settings) as production:
        wait_for(production.url + "/health/ready", 200)
        here = Client(production.url, stranger.contract)
        request_id = request_reset(here, patient.email).headers["X-Request-Id"]
        request_reset(here, "nobody@clinic.test")
    (line,) = deliveries(production)
    assert line["request_id"] == request_id
    assert line["delivered"] is False
    assert set(line) == {"event", "level", "time", "kind", "request_id", "delivered"}
    assert "@clinic.test" not in production.output
    assert not re.findall(r"[A-Za-z0-9_-]{43}", production.output)
