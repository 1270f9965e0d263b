"""Signing up, logging in and out, refreshing, and tokens that are none."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

import jwt
import pytest

from scripts.server import Cluster
from tests.client import PASSWORD, Client, at, ok, places, problem
from tests.people import log_in
from tests.raw import connect, everything, refused, request
from tests.server import SECRET, serve


def sign_up(stranger: Client, email: str, password: str = PASSWORD) -> None:
    body = {"email": email, "password": password, "full_name": "Pat"}
    ok(stranger.post("/v1/auth/signup", body), 201)


def test_whoever_signs_up_is_a_patient(stranger: Client) -> None:
    body = {"email": "New.Person@clinic.test", "password": PASSWORD, "full_name": "New Person"}
    user = ok(stranger.post("/v1/auth/signup", body), 201)
    assert (user["role"], user["full_name"]) == ("patient", "New Person")
    assert PASSWORD not in str(user)
    log_in(stranger, "new.person@CLINIC.test")


def test_an_address_is_taken_whatever_its_case(stranger: Client) -> None:
    sign_up(stranger, "once@clinic.test")
    body = {"email": "ONCE@clinic.test", "password": PASSWORD, "full_name": "Pat"}
    problem(stranger.post("/v1/auth/signup", body), 409, "TM911")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"role": "admin"}, "#/role"),
        ({"is_admin": True}, "#/is_admin"),
        ({"a/b~c ä": 1}, "#/a~1b~0c%20%C3%A4"),
        ({"email": "nobody"}, "#/email"),
        ({"email": "two words@clinic.test"}, "#/email"),
        ({"email": "x" * 250 + "@a.de"}, "#/email"),
        ({"email": None}, "#/email"),
        ({"password": "elevenchars"}, "#/password"),
        ({"password": "x" * 129}, "#/password"),
        ({"password": 123456789012}, "#/password"),
        ({"full_name": ""}, "#/full_name"),
        ({"full_name": "\u200b\x07"}, "#/full_name"),
    ],
)
def test_a_sign_up_that_cannot_be_right_is_refused(
    stranger: Client, change: dict[str, object], place: str
) -> None:
    body = {"email": "wrong@clinic.test", "password": PASSWORD, "full_name": "Pat"} | change
    assert set(places(stranger.post("/v1/auth/signup", body))) == {place}


def test_each_missing_field_is_named(stranger: Client) -> None:
    expected = ["#/email", "#/full_name", "#/password"]
    assert places(stranger.post("/v1/auth/signup", {})) == expected
    assert places(stranger.post("/v1/auth/signup")) == expected


def test_logging_in_returns_tokens_that_work(stranger: Client, patient: Client) -> None:
    body = {"email": patient.email, "password": PASSWORD}
    answer = stranger.post("/v1/auth/login", body)
    tokens = ok(answer)
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 600
    assert answer.headers["Cache-Control"] == "no-store"  # RFC 6749, section 5.1
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 600
    assert claims["sub"] == patient.id
    assert claims["role"] == "patient"
    assert jwt.get_unverified_header(tokens["access_token"]) == {"alg": "HS256", "typ": "at+jwt"}


def test_a_one_time_code_is_ignored_without_a_second_factor(
    stranger: Client, patient: Client
) -> None:
    body = {"email": patient.email, "password": PASSWORD, "otp": "123456"}
    ok(stranger.post("/v1/auth/login", body))


def test_a_failed_log_in_says_the_same_whether_the_account_exists(
    stranger: Client, patient: Client
) -> None:
    def refusal(email: str) -> dict[str, object]:
        body = {"email": email, "password": "not the password"}
        told = problem(stranger.post("/v1/auth/login", body), 401, "TM103")
        return {key: value for key, value in told.items() if key != "request_id"}

    assert refusal(patient.email) == refusal("nobody@clinic.test")


def test_a_short_password_is_simply_wrong(stranger: Client, patient: Client) -> None:
    body = {"email": patient.email, "password": "short"}
    answer = stranger.post("/v1/auth/login", body)
    problem(answer, 401, "TM103")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("last", ["x", "ü", "🙂"])
def test_every_byte_of_a_long_password_counts(stranger: Client, last: str) -> None:
    email = f"long.{ord(last)}@clinic.test"
    long = (PASSWORD * 5)[:127]
    sign_up(stranger, email, long + last)
    log_in(stranger, email, long + last)
    body = {"email": email, "password": long + "y"}
    problem(stranger.post("/v1/auth/login", body), 401, "TM103")


def test_a_refresh_token_is_good_once_and_a_second_use_ends_the_session(
    stranger: Client, patient: Client
) -> None:
    first = patient.tokens["refresh_token"]
    second = ok(stranger.post("/v1/auth/refresh", {"refresh_token": first}))["refresh_token"]
    third = ok(stranger.post("/v1/auth/refresh", {"refresh_token": second}))
    assert ok(Client(**{**vars(patient), "token": third["access_token"]}).get("/v1/me"))

    problem(stranger.post("/v1/auth/refresh", {"refresh_token": first}), 401, "TM104")
    newest = {"refresh_token": third["refresh_token"]}
    problem(stranger.post("/v1/auth/refresh", newest), 401, "TM104")


def test_a_refresh_token_of_nobody_is_refused(stranger: Client) -> None:
    problem(stranger.post("/v1/auth/refresh", {"refresh_token": "x" * 43}), 401, "TM104")
    assert places(stranger.post("/v1/auth/refresh", {})) == ["#/refresh_token"]


@pytest.mark.parametrize("send_body", [True, False])
def test_logging_out_ends_the_session(stranger: Client, patient: Client, send_body: bool) -> None:
    answer = patient.post("/v1/auth/logout", {} if send_body else None)
    assert answer.status_code == 204
    refresh = {"refresh_token": patient.tokens["refresh_token"]}
    problem(stranger.post("/v1/auth/refresh", refresh), 401, "TM104")
    assert patient.post("/v1/auth/logout").status_code == 204


def test_logging_out_can_end_another_session_of_ones_own(stranger: Client, patient: Client) -> None:
    other = log_in(stranger, patient.email)
    body = {"refresh_token": other.tokens["refresh_token"]}
    assert patient.post("/v1/auth/logout", body).status_code == 204
    problem(stranger.post("/v1/auth/refresh", body), 401, "TM104")


def test_logging_out_does_not_end_somebody_elses_session(
    stranger: Client, patient: Client, new_patient: Callable[[], Client]
) -> None:
    victim = new_patient()
    body = {"refresh_token": victim.tokens["refresh_token"]}
    assert patient.post("/v1/auth/logout", body).status_code == 204
    ok(stranger.post("/v1/auth/refresh", body))


def test_a_deactivated_account_is_out_at_once(
    cluster: Cluster, database: str, stranger: Client, patient: Client
) -> None:
    cluster.sql(f"update app.users set deactivated_at = now() where id = '{patient.id}'", database)
    problem(patient.get("/v1/me"), 401, "TM102")
    body = {"email": patient.email, "password": PASSWORD}
    problem(stranger.post("/v1/auth/login", body), 401, "TM103")
    refresh = {"refresh_token": patient.tokens["refresh_token"]}
    problem(stranger.post("/v1/auth/refresh", refresh), 401, "TM104")


def claims(patient: Client, **changes: object) -> dict[str, object]:
    now = int(time.time())
    right: dict[str, object] = {
        "iss": "telemedicine",
        "aud": "telemedicine-api",
        "iat": now,
        "exp": now + 60,
        "jti": uuid.uuid4().hex,
        "sub": patient.id,
        "role": "patient",
        "sid": str(uuid.uuid4()),
    }
    return {key: value for key, value in (right | changes).items() if value is not None}


def sign(payload: dict[str, object], secret: str = SECRET, typ: str = "at+jwt") -> str:
    return jwt.encode(payload, secret, "HS256", headers={"typ": typ})


def test_the_tokens_of_these_tests_are_accepted_when_nothing_is_wrong(patient: Client) -> None:
    patient.token = sign(claims(patient))
    ok(patient.get("/v1/me"))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody else"},
        {"aud": "another-api"},
        {"aud": ["telemedicine-api", "another-api"]},
        {"exp": int(time.time()) - 60},
        {"iat": int(time.time()) + 600},
        {"sub": "me"},
        {"sub": 7},
        {"sid": "' or true --"},
        {"role": "root"},
        {"role": ["admin"]},
        *({name: None} for name in ("iss", "aud", "exp", "iat", "jti", "sub", "role", "sid")),
    ],
    ids=str,
)
def test_a_token_with_a_wrong_or_missing_claim_is_refused(
    patient: Client, changes: dict[str, object]
) -> None:
    patient.token = sign(claims(patient, **changes))
    answer = patient.get("/v1/me")
    problem(answer, 401, "TM101")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_role_that_the_account_does_not_have_is_refused_by_the_database(patient: Client) -> None:
    patient.token = sign(claims(patient, role="admin"))
    problem(patient.get("/v1/admin/analytics"), 401, "TM102")


def test_a_signature_or_a_kind_of_token_that_is_not_ours_is_refused(patient: Client) -> None:
    right = claims(patient)
    header, payload, signature = sign(right).split(".")
    unsigned = jwt.encode(right, None, "none", headers={"typ": "at+jwt"})
    strong = jwt.encode(right, SECRET, "HS512", headers={"typ": "at+jwt"})
    swapped = signature[::-1]
    for token in (
        sign(right, secret=SECRET[::-1]),
        sign(right, typ="JWT"),
        unsigned,
        strong,
        f"{header}.{payload}.",
        f"{header}.{payload}.{swapped}",
        f"{header}.{payload}",
        "null",
        "a.b.c",
        "ü",
        "x" * 5000,
    ):
        answer = patient.send(
            "GET", "/v1/me", headers={"Authorization": f"Bearer {token}".encode()}
        )
        problem(answer, 401, "TM101")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "bearer\tx"])
def test_without_a_bearer_token_nobody_is_signed_in(stranger: Client, header: str) -> None:
    answer = stranger.send("GET", "/v1/me", headers={"Authorization": header})
    problem(answer, 401, "TM101")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="telemedicine"'


def test_the_scheme_may_be_written_in_any_case(patient: Client) -> None:
    ok(patient.send("GET", "/v1/me", headers={"Authorization": f"bEARER {patient.token}"}))


@pytest.mark.parametrize("other", ["Bearer {token}", "Basic dXNlcjpwYXNz", ""])
def test_two_signatures_are_none(patient: Client, other: str) -> None:
    ours = f"Authorization: Bearer {patient.token}"
    also = f"Authorization: {other.format(token=patient.token)}"
    for both in ((ours, also), (also, ours)):
        with connect(patient.url) as connection:
            connection.sendall(request("GET", "/v1/me", *both, "Connection: close"))
            assert refused(everything(connection), 401)["code"] == "TM101"


def test_log_ins_that_wait_leave_room_for_all_else(
    cluster: Cluster, database: str, doctor: Client, patient: Client, tmp_path: Path
) -> None:
    """One worker of eight threads, of which four at most hash or wait; a hash takes long."""
    slots = [doctor.publish(at(day)) for day in (1, 2)]
    body = {"email": "nobody@clinic.test", "password": PASSWORD}
    settings = {"WEB_CONCURRENCY": "1", "BCRYPT_COST": "15"}
    url = cluster.url(database, "telemed_api")
    with serve(url, tmp_path / "log", **settings) as busy, ThreadPoolExecutor(24) as people:
        here = Client(busy.url, patient.contract, patient.token)
        log_ins = [people.submit(here.post, "/v1/auth/login", body) for _ in range(24)]
        sent_away = [done.result() for done in islice(as_completed(log_ins), 20)]
        for answer in sent_away:
            problem(answer, 503, "HTTP503")
            assert answer.headers["Retry-After"] == "1"
        assert ok(here.get("/health/live")) == {"status": "ok"}
        assert ok(here.get(f"/v1/doctors/{doctor.id}/slots"))["items"] == slots
        assert ok(here.get("/v1/slots"))["items"]
        here.book(slots[0])
        waiting = [log_in for log_in in log_ins if not log_in.done()]
        assert len(waiting) == 4
        for log_in in waiting:
            assert log_in.result().status_code in (401, 503)  # the last ones may lose patience
        assert {log_in.result().status_code for log_in in waiting} >= {401}
