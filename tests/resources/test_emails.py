"""The e-mail address of the caller: verification and change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, new_key, ok, places, problem
from tests.support.people import log_in
from tests.support.server import Server


def token(server: Server, answer: requests.Response, email: str) -> str:
    """The token in the message that a request has sent to an address."""
    lines = [json.loads(line) for line in server.output.splitlines()]
    request_id = answer.headers["X-Request-Id"]
    (sent,) = [
        line for line in lines if line["event"] == "delivery" and line["request_id"] == request_id
    ]
    assert (sent["kind"], sent["email"]) == ("email_verification", email)
    return str(sent["token"])


def sign_up(stranger: Client, email: str) -> requests.Response:
    body = {"email": email, "password": PASSWORD, "full_name": "Pat"}
    answer = stranger.post("/v1/auth/signup", body)
    assert answer.status_code == 201, answer.text
    return answer


def verify(client: Client, token: str) -> requests.Response:
    return client.post("/v1/me/email/verify", {"token": token})


def change(client: Client, email: str, password: str = PASSWORD) -> requests.Response:
    return client.post("/v1/me/email", {"email": email, "password": password})


def test_sign_up_sends_a_token_that_verifies_the_address(
    server: Server, stranger: Client, patient: Client
) -> None:
    email = "unverified@clinic.test"
    answer = sign_up(stranger, email)
    assert answer.json()["email_verified_at"] is None
    assert "token" not in answer.text
    sent = token(server, answer, email)
    refused = verify(patient, sent)
    problem(refused, 422, "TM231")
    assert places(refused) == ["#/token"]
    owner = log_in(stranger, email)
    verified = ok(verify(owner, sent))
    assert verified["email_verified_at"] is not None
    assert ok(owner.get("/v1/me")) == verified == ok(verify(owner, sent))


def test_message_is_sent_again_on_demand_until_the_address_is_verified(
    server: Server, patient: Client
) -> None:
    answer = patient.post("/v1/me/email/verification")
    assert (answer.status_code, answer.content) == (202, b""), answer.text
    ok(verify(patient, token(server, answer, patient.email)))
    problem(patient.post("/v1/me/email/verification"), 409, "TM931")


def test_sixth_message_within_an_hour_is_refused(patient: Client) -> None:
    for _ in range(4):  # sign-up has sent the first
        assert patient.post("/v1/me/email/verification").status_code == 202
    answer = patient.post("/v1/me/email/verification")
    problem(answer, 429, "TM802")
    assert 3000 < int(answer.headers["Retry-After"]) <= 3600


def test_address_changes_when_the_token_of_the_new_one_is_used(
    server: Server, stranger: Client, patient: Client
) -> None:
    old, new = patient.email, f"new-{patient.email}"
    answer = change(patient, new)
    assert (answer.status_code, answer.content) == (202, b""), answer.text
    assert ok(patient.get("/v1/me"))["email"] == old
    assert log_in(stranger, old).id == patient.id
    assert ok(verify(patient, token(server, answer, new)))["email"] == new
    assert log_in(stranger, new).id == patient.id
    body = {"email": old, "password": PASSWORD}
    problem(stranger.post("/v1/auth/login", body), 401, "TM103")


def test_change_of_address_is_refused(patient: Client, new_patient: Callable[..., Client]) -> None:
    for email, password, status, code, place in (
        ("a@clinic.test", "wrong", 422, "TM220", "#/password"),
        (patient.email, PASSWORD, 422, "TM201", "#/email"),
        (new_patient().email.upper(), PASSWORD, 409, "TM911", "#/email"),
    ):
        answer = change(patient, email, password)
        problem(answer, status, code)
        if status == 422:
            assert places(answer) == [place]
    assert places(change(patient, "no address")) == ["#/email"]


@pytest.fixture
def verified_addresses_are_required(cluster: Cluster, database: str) -> Iterator[None]:
    cluster.sql("select ops.require_verified_email(true)", database)
    yield
    cluster.sql("select ops.require_verified_email(false)", database)


@pytest.mark.usefixtures("verified_addresses_are_required")
def test_booking_without_a_verified_address_is_refused_where_one_is_required(
    server: Server, patient: Client, doctor: Client
) -> None:
    body: dict[str, Any] = {"slot_id": doctor.publish()["id"]}
    key = new_key()
    problem(patient.post("/v1/consultations", body, key=key), 403, "TM303")
    answer = patient.post("/v1/me/email/verification")
    ok(verify(patient, token(server, answer, patient.email)))
    ok(patient.post("/v1/consultations", body, key=key), 201)
