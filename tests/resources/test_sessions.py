"""Sessions of the caller: list and end them; the change of the password, which ends them all."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
import requests

from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, ok, places, problem, race
from tests.support.people import log_in
from tests.support.sql_client import Person, SqlClient

NEW_PASSWORD = "a staple, a battery and a horse"
SESSIONS_IN_FORCE = """
(select count(*) from app.sessions as s where s.user_id = u.id and s.revoked_at is null)
"""


def sessions(client: Client) -> dict[str, dict[str, object]]:
    return {session["id"]: session for session in ok(client.get("/v1/me/sessions"))["items"]}


def change(client: Client, new: str = NEW_PASSWORD, old: str = PASSWORD) -> requests.Response:
    return client.post("/v1/me/password", {"current_password": old, "new_password": new})


def with_tokens(client: Client, tokens: dict[str, object]) -> Client:
    """The same person with other tokens."""
    return Client(
        client.url, client.contract, str(tokens["access_token"]), client.id, client.email, tokens
    )


def refresh(client: Client) -> requests.Response:
    body = {"refresh_token": client.tokens["refresh_token"]}
    return Client(client.url, client.contract).post("/v1/auth/refresh", body)


def test_list_shows_the_sessions_of_the_caller(
    stranger: Client, patient: Client, new_patient: Callable[[], Client]
) -> None:
    new_patient()
    phone = log_in(stranger, patient.email)
    seen = sessions(patient)
    assert set(seen) == {patient.session_id, phone.session_id}
    assert seen[patient.session_id]["is_current"] is True
    assert seen[phone.session_id]["is_current"] is False
    assert sessions(phone)[phone.session_id]["is_current"] is True
    for session in seen.values():
        assert session["last_used_at"] == session["created_at"]
        begun, ends = (
            datetime.fromisoformat(str(session[name])) for name in ("created_at", "expires_at")
        )
        assert ends - begun == timedelta(days=30)


def test_refresh_updates_the_last_use_of_the_session(patient: Client) -> None:
    before = sessions(patient)[patient.session_id]
    ok(refresh(patient))
    after = sessions(patient)[patient.session_id]
    assert str(after["last_used_at"]) > str(before["last_used_at"])
    assert after["created_at"] == before["created_at"]


def test_sessions_are_listed_in_pages(stranger: Client, patient: Client) -> None:
    ids = [patient.session_id, *(log_in(stranger, patient.email).session_id for _ in range(2))]
    pages = patient.pages("/v1/me/sessions", limit=2)
    assert [[session["id"] for session in page] for page in pages] == [ids[:2], ids[2:]]


def test_ended_session_is_refused_from_the_next_request_on(
    stranger: Client, patient: Client
) -> None:
    phone = log_in(stranger, patient.email)
    ok(phone.get("/v1/me"))
    assert patient.delete(f"/v1/me/sessions/{phone.session_id}").status_code == 204
    problem(phone.get("/v1/me"), 401, "TM102")
    problem(refresh(phone), 401, "TM104")
    ok(patient.get("/v1/me"))
    assert list(sessions(patient)) == [patient.session_id]
    problem(patient.delete(f"/v1/me/sessions/{phone.session_id}"), 404, "TM420")


def test_session_can_end_itself(patient: Client) -> None:
    assert patient.delete(f"/v1/me/sessions/{patient.session_id}").status_code == 204
    problem(patient.get("/v1/me"), 401, "TM102")


def test_ending_a_session_of_another_account_is_refused(
    patient: Client, new_admin: Callable[[], Client], new_patient: Callable[[], Client]
) -> None:
    admin = (
        new_admin()
    )  # only so many refusals of one admin are recorded, and other tests use the shared admin
    other = new_patient()
    problem(patient.delete(f"/v1/me/sessions/{other.session_id}"), 404, "TM420")
    problem(admin.delete(f"/v1/me/sessions/{other.session_id}"), 404, "TM420")
    unknown = str(uuid4())
    problem(patient.delete(f"/v1/me/sessions/{unknown}"), 404, "TM420")
    ok(other.get("/v1/me"))
    tried = ok(admin.get("/v1/admin/access-logs", resource_id=other.session_id))["items"]
    assert [entry["user_id"] for entry in tried] == [admin.id, patient.id]
    # An unknown id is not an attempt on another account.
    assert ok(admin.get("/v1/admin/access-logs", resource_id=unknown))["items"] == []


def test_password_change_ends_every_session_and_begins_one(
    stranger: Client, patient: Client
) -> None:
    phone = log_in(stranger, patient.email)
    tokens = ok(change(patient))
    for old in (patient, phone):
        problem(old.get("/v1/me"), 401, "TM102")
        problem(refresh(old), 401, "TM104")
    renewed = with_tokens(patient, tokens)
    assert ok(renewed.get("/v1/me"))["id"] == patient.id
    assert list(sessions(renewed)) == [renewed.session_id]
    assert renewed.session_id not in (patient.session_id, phone.session_id)
    ok(refresh(renewed))
    log_in(stranger, patient.email, NEW_PASSWORD)
    body = {"email": patient.email, "password": PASSWORD}
    problem(stranger.post("/v1/auth/login", body), 401, "TM103")


def test_password_change_with_a_wrong_password_is_refused(
    stranger: Client, patient: Client
) -> None:
    answer = change(patient, old="not the password")
    assert problem(answer, 422, "TM220") and places(answer) == ["#/current_password"]
    ok(patient.get("/v1/me"))
    log_in(stranger, patient.email)


def test_password_change_to_the_same_password_is_refused(patient: Client) -> None:
    answer = change(patient, PASSWORD)
    assert problem(answer, 422, "TM221") and places(answer) == ["#/new_password"]
    # A wrong current password gets TM220, whether or not the new one equals it.
    problem(change(patient, "not the password at all", "not the password at all"), 422, "TM220")
    ok(patient.get("/v1/me"))


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"new_password": "elevenchars"}, "#/new_password"),
        ({"new_password": None}, "#/new_password"),
        ({"current_password": ""}, "#/current_password"),
        ({"current_password": "x" * 129}, "#/current_password"),
        ({"password": PASSWORD}, "#/password"),
    ],
)
def test_password_change_with_an_invalid_field_is_refused(
    patient: Client, body: dict[str, object], place: str
) -> None:
    right = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert places(patient.post("/v1/me/password", right | body)) == [place]


def test_password_change_to_words_of_the_account_is_refused(
    new_patient: Callable[..., Client],
) -> None:
    name = "Rosamund Quillfeather-Ostrander"
    answer = change(new_patient(name), name)
    assert problem(answer, 422, "TM201") and places(answer) == ["#/new_password"]
    # Another account may use it.
    ok(change(new_patient(), name))


def test_concurrent_password_changes_succeed_once(stranger: Client, patient: Client) -> None:
    passwords = [f"{NEW_PASSWORD} {tab}" for tab in range(2)]
    answers = race([lambda new=new: change(patient, new) for new in passwords])
    (new,) = (p for p, a in zip(passwords, answers, strict=True) if a.status_code == 200)
    (refused,) = (a for a in answers if a.status_code != 200)
    # The session of the second request has ended, or its current password is an old one.
    assert refused.status_code in (401, 422), refused.text
    log_in(stranger, patient.email, new)


def test_log_ins_during_a_password_change_end_with_the_old_password(
    stranger: Client, patient: Client
) -> None:
    """In any order, no session that began with the old password survives the change."""
    body = {"email": patient.email, "password": PASSWORD}
    log_ins = [lambda: stranger.post("/v1/auth/login", body)] * 6
    changed, *others = race([lambda: change(patient), *log_ins])
    renewed = with_tokens(patient, ok(changed))
    for answer in others:
        if answer.status_code == 200:
            problem(with_tokens(patient, answer.json()).get("/v1/me"), 401, "TM102")
        else:
            problem(answer, 401, "TM103")
    assert list(sessions(renewed)) == [renewed.session_id]


@pytest.mark.parametrize(
    "change_of_account",
    ["password_hash = '$2b$04$' || repeat('b', 53)", "deactivated_at = now()"],
)
def test_log_in_waits_for_a_change_of_the_account_and_is_refused(
    cluster: Cluster, database: str, patient: Client, change_of_account: str
) -> None:
    stored = stored_of(cluster, database, patient, "password_hash")
    arguments = {"email": patient.email, "password_hash": stored}
    call = (Person("", "", ""), "log_in", arguments)
    assert code_after_waiting(cluster, database, patient, change_of_account, call) == "TM103"
    assert stored_of(cluster, database, patient, SESSIONS_IN_FORCE) == "0"


def test_password_change_waits_for_a_deactivation_and_is_refused(
    cluster: Cluster, database: str, patient: Client
) -> None:
    stored = stored_of(cluster, database, patient, "password_hash")
    arguments = {"current_password_hash": stored, "new_password_hash": "$2b$04$" + "b" * 53}
    call = (person_of(patient), "change_password", arguments)
    assert code_after_waiting(cluster, database, patient, "deactivated_at = now()", call) == "TM102"
    assert stored_of(cluster, database, patient, "password_hash") == stored
    assert stored_of(cluster, database, patient, SESSIONS_IN_FORCE) == "0"


def test_second_factor_waits_for_a_deactivation_and_is_refused(
    cluster: Cluster, database: str, patient: Client
) -> None:
    ok(patient.post("/v1/me/mfa"), 201)
    secret = stored_of(cluster, database, patient, "convert_from(mfa_secret, 'UTF8')")
    arguments = {"secret": secret, "otp_step": int(time.time()) // 30}
    call = (person_of(patient), "confirm_mfa", arguments)
    assert code_after_waiting(cluster, database, patient, "deactivated_at = now()", call) == "TM102"
    assert stored_of(cluster, database, patient, "mfa_confirmed_at is null") == "t"


def person_of(client: Client) -> Person:
    return Person(client.id, "patient", client.session_id)


def stored_of(cluster: Cluster, database: str, client: Client, expression: str) -> str:
    return cluster.sql(
        f"select {expression} from app.users as u where u.id = '{client.id}'", database
    )


def code_after_waiting(
    cluster: Cluster,
    database: str,
    client: Client,
    change_of_account: str,
    call: tuple[Person, str, dict[str, object]],
) -> str:
    """The code of a call that waits for the lock on an account until a change of it commits."""
    person, function, arguments = call
    with (
        psycopg.connect(cluster.url(database)) as changing,
        closing(SqlClient(cluster.url(database, "telemed_api"))) as calling,
        ThreadPoolExecutor(1) as thread,
    ):
        calling.connection.execute("set lock_timeout = '60s'")
        calling.connection.execute("set statement_timeout = '60s'")
        changing.execute(
            f"update app.users set {change_of_account} where id = '{client.id}'".encode()
        )
        answer = thread.submit(calling.call, person, function, **arguments)
        waits = "select pg_backend_pid() = any (pg_blocking_pids(%s))"
        pid = calling.connection.info.backend_pid
        while changing.execute(waits, (pid,)).fetchone() != (True,):
            assert not answer.done(), answer.result()
            wait([answer], timeout=0.001)  # leaves the processor to the others
        changing.commit()
        return answer.result().code


def test_audit_log_names_who_changed_a_password_without_the_password(
    cluster: Cluster, database: str, admin: Client, patient: Client
) -> None:
    headers = {"X-Request-Id": f"change-{patient.id}"}
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    tokens = ok(patient.send("POST", "/v1/me/password", json=body, headers=headers))
    audit_log = ok(admin.get("/v1/admin/audit-logs", request_id=headers["X-Request-Id"]))["items"]
    assert sorted((row["table_name"], row["operation"]) for row in audit_log) == [
        ("email_verifications", "UPDATE"),
        ("sessions", "INSERT"),
        ("sessions", "UPDATE"),
        ("users", "UPDATE"),
    ]
    assert {row["user_id"] for row in audit_log} == {patient.id}
    stored = stored_of(cluster, database, patient, "password_hash")
    for secret in (stored, stored[29:], tokens["refresh_token"], "password_hash"):
        assert secret not in str(audit_log)
