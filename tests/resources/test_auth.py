"""Sign-up, log-in, log-out and refresh."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

import jwt
import pytest

from api import signing_keys
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, at, ok, places, problem
from tests.support.people import log_in
from tests.support.server import SECRET, serve


def sign_up(stranger: Client, email: str, password: str = PASSWORD) -> None:
    body = {"email": email, "password": password, "full_name": "Pat"}
    ok(stranger.post("/v1/auth/signup", body), 201)


def test_sign_up_creates_a_patient(stranger: Client) -> None:
    body = {"email": "New.Person@clinic.test", "password": PASSWORD, "full_name": "New Person"}
    user = ok(stranger.post("/v1/auth/signup", body), 201)
    assert (user["role"], user["full_name"]) == ("patient", "New Person")
    assert PASSWORD not in str(user)
    log_in(stranger, "new.person@CLINIC.test")


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("once@clinic.test", "ONCE@clinic.test"),
        ("ÄÖ@clinic.test", "äö@clinic.test"),
        ("jos\u00e9@clinic.test", "jose\u0301@clinic.test"),
        ("j\u030can@clinic.test", "J\u030cAN@clinic.test"),
        ("ΟΔΟΣ@clinic.test", "οδος@clinic.test"),
    ],
)
def test_email_spellings_of_one_normal_form_are_one_account(
    stranger: Client, first: str, other: str
) -> None:
    sign_up(stranger, first)
    body = {"email": other, "password": PASSWORD, "full_name": "Pat"}
    problem(stranger.post("/v1/auth/signup", body), 409, "TM911")
    accounts = {log_in(stranger, spelling).id for spelling in (first, other)}
    assert len(accounts) == 1
    # The account keeps the first spelling, to which messages are sent.
    assert ok(log_in(stranger, other).get("/v1/me"))["email"] == first


def test_emails_of_different_normal_forms_are_two_accounts(stranger: Client) -> None:
    for email in ("two@clinic.test", "two+1@clinic.test", "straße@a.test", "strasse@a.test"):
        sign_up(stranger, email)
    assert len({log_in(stranger, e).id for e in ("straße@a.test", "STRASSE@a.test")}) == 2


HIDDEN_IN_ADDRESSES = [
    *("\u200ba@clinic.test", "a@clinic.test\u200d", "a\u200f@clinic.test", "\ufeffa@clinic.test"),
    *("a\u00a0@clinic.test", "a\u3000b@clinic.test", "a\u00ad@clinic.test", "a\ufe0f@clinic.test"),
]


@pytest.mark.parametrize("email", HIDDEN_IN_ADDRESSES)
@pytest.mark.parametrize("route", ["signup", "login", "password-reset"])
def test_email_with_an_invisible_character_is_refused(
    stranger: Client, route: str, email: str
) -> None:
    body = {"email": email, "password": PASSWORD, "full_name": "Pat"}
    fields = {"signup": 3, "login": 2, "password-reset": 1}[route]
    body = dict(list(body.items())[:fields])
    assert set(places(stranger.post(f"/v1/auth/{route}", body))) == {"#/email"}


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
def test_sign_up_with_an_invalid_field_is_refused(
    stranger: Client, change: dict[str, object], place: str
) -> None:
    body = {"email": "wrong@clinic.test", "password": PASSWORD, "full_name": "Pat"} | change
    assert set(places(stranger.post("/v1/auth/signup", body))) == {place}


def test_sign_up_without_required_fields_names_each_of_them(stranger: Client) -> None:
    expected = ["#/email", "#/full_name", "#/password"]
    assert places(stranger.post("/v1/auth/signup", {})) == expected
    assert places(stranger.post("/v1/auth/signup")) == expected


def test_log_in_returns_valid_tokens(stranger: Client, patient: Client) -> None:
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
    header = jwt.get_unverified_header(tokens["access_token"])
    assert header == {
        "alg": "HS256",
        "typ": "at+jwt",
        "kid": signing_keys.parse("HS256", SECRET).kid,
    }


def test_log_in_without_a_second_factor_ignores_a_one_time_code(
    stranger: Client, patient: Client
) -> None:
    body = {"email": patient.email, "password": PASSWORD, "otp": "123456"}
    ok(stranger.post("/v1/auth/login", body))


def test_failed_log_in_gives_the_same_answer_whether_the_account_exists(
    stranger: Client, patient: Client
) -> None:
    def refusal(email: str) -> dict[str, object]:
        body = {"email": email, "password": "not the password"}
        body_of_refusal = problem(stranger.post("/v1/auth/login", body), 401, "TM103")
        return {key: value for key, value in body_of_refusal.items() if key != "request_id"}

    assert refusal(patient.email) == refusal("nobody@clinic.test")


def test_log_in_with_a_short_password_is_unauthorized(stranger: Client, patient: Client) -> None:
    body = {"email": patient.email, "password": "short"}
    answer = stranger.post("/v1/auth/login", body)
    problem(answer, 401, "TM103")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("last", ["x", "ü", "🙂"])
def test_log_in_compares_every_byte_of_a_long_password(stranger: Client, last: str) -> None:
    email = f"long.{ord(last)}@clinic.test"
    long = (PASSWORD * 5)[:127]
    sign_up(stranger, email, long + last)
    log_in(stranger, email, long + last)
    body = {"email": email, "password": long + "y"}
    problem(stranger.post("/v1/auth/login", body), 401, "TM103")


def test_refresh_with_an_unknown_token_is_refused(stranger: Client) -> None:
    problem(stranger.post("/v1/auth/refresh", {"refresh_token": "x" * 43}), 401, "TM104")
    assert places(stranger.post("/v1/auth/refresh", {})) == ["#/refresh_token"]


@pytest.mark.parametrize("send_body", [True, False])
def test_log_out_ends_the_session(stranger: Client, patient: Client, send_body: bool) -> None:
    answer = patient.post("/v1/auth/logout", {} if send_body else None)
    assert answer.status_code == 204
    refresh = {"refresh_token": patient.tokens["refresh_token"]}
    problem(stranger.post("/v1/auth/refresh", refresh), 401, "TM104")
    # The access token is refused at once, too.
    problem(patient.get("/v1/me"), 401, "TM102")
    problem(patient.post("/v1/auth/logout"), 401, "TM102")


def test_log_out_can_end_another_session_of_the_same_account(
    stranger: Client, patient: Client
) -> None:
    other = log_in(stranger, patient.email)
    body = {"refresh_token": other.tokens["refresh_token"]}
    assert patient.post("/v1/auth/logout", body).status_code == 204
    problem(stranger.post("/v1/auth/refresh", body), 401, "TM104")


def test_log_out_with_a_refresh_token_needs_no_valid_access_token(
    stranger: Client, patient: Client
) -> None:
    """A client may log out after its access token has expired (RFC 7009)."""
    body = {"refresh_token": patient.tokens["refresh_token"]}
    stale = patient.token[:-4] + ("AAAA" if not patient.token.endswith("AAAA") else "BBBB")
    headers = {"Authorization": f"Bearer {stale}"}
    answer = stranger.send("POST", "/v1/auth/logout", json=body, headers=headers)
    assert answer.status_code == 204
    problem(patient.get("/v1/me"), 401, "TM102")
    problem(stranger.post("/v1/auth/refresh", body), 401, "TM104")
    # Logging out again succeeds, with the access token of the ended session and without any.
    assert patient.post("/v1/auth/logout", body).status_code == 204
    assert stranger.post("/v1/auth/logout", body).status_code == 204


def test_log_out_with_an_unknown_refresh_token_succeeds(stranger: Client) -> None:
    assert stranger.post("/v1/auth/logout", {"refresh_token": "x" * 43}).status_code == 204


def test_log_out_without_any_token_is_refused(stranger: Client) -> None:
    answer = stranger.post("/v1/auth/logout", {})
    problem(answer, 401, "TM101")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    headers = {"Authorization": "Bearer not.a.token"}
    answer = stranger.send("POST", "/v1/auth/logout", json={}, headers=headers)
    problem(answer, 401, "TM101")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_refresh_token_within_the_reuse_interval_gets_the_present_successor(
    stranger: Client, patient: Client
) -> None:
    first = patient.tokens["refresh_token"]
    second = ok(stranger.post("/v1/auth/refresh", {"refresh_token": first}))["refresh_token"]
    third = ok(stranger.post("/v1/auth/refresh", {"refresh_token": second}))["refresh_token"]
    late = ok(stranger.post("/v1/auth/refresh", {"refresh_token": first}))
    assert late["refresh_token"] == third
    ok(stranger.post("/v1/auth/refresh", {"refresh_token": third}))


def test_refresh_token_after_the_reuse_interval_ends_the_session(
    stranger: Client, patient: Client, cluster: Cluster, database: str
) -> None:
    first = patient.tokens["refresh_token"]
    second = ok(stranger.post("/v1/auth/refresh", {"refresh_token": first}))["refresh_token"]
    # Pretend that eleven seconds have passed, which no function can do.
    cluster.sql(
        "set session_replication_role = replica; update app.refresh_tokens"
        " set spent_at = spent_at - interval '11 seconds'"
        f" where session_id = '{patient.session_id}' and spent_at is not null",
        database,
    )
    problem(stranger.post("/v1/auth/refresh", {"refresh_token": first}), 401, "TM104")
    problem(stranger.post("/v1/auth/refresh", {"refresh_token": second}), 401, "TM104")
    problem(patient.get("/v1/me"), 401, "TM102")


def test_deactivated_account_is_refused_at_once(
    cluster: Cluster, database: str, stranger: Client, patient: Client
) -> None:
    cluster.sql(f"update app.users set deactivated_at = now() where id = '{patient.id}'", database)
    problem(patient.get("/v1/me"), 401, "TM102")
    body = {"email": patient.email, "password": PASSWORD}
    problem(stranger.post("/v1/auth/login", body), 401, "TM103")
    refresh = {"refresh_token": patient.tokens["refresh_token"]}
    problem(stranger.post("/v1/auth/refresh", refresh), 401, "TM104")


def test_waiting_log_ins_leave_threads_for_other_requests(
    cluster: Cluster, database: str, doctor: Client, patient: Client, tmp_path: Path
) -> None:
    """One worker with eight threads, of which at most four hash or wait for it; hashes are slow."""
    slots = [doctor.publish(at(day)) for day in (1, 2)]
    bodies = [{"email": f"nobody{n}@clinic.test", "password": PASSWORD} for n in range(24)]
    settings = {"WEB_CONCURRENCY": "1", "BCRYPT_COST": "15"}
    url = cluster.url(database, "telemed_api")
    with serve(url, tmp_path / "log", **settings) as busy, ThreadPoolExecutor(24) as threads:
        here = Client(busy.url, patient.contract, patient.token)
        log_ins = [threads.submit(here.post, "/v1/auth/login", body) for body in bodies]
        refused = [done.result() for done in islice(as_completed(log_ins), 20)]
        for answer in refused:
            problem(answer, 503, "HTTP503")
            assert answer.headers["Retry-After"] == "1"
        assert ok(here.get("/health/live")) == {"status": "ok"}
        assert ok(here.get(f"/v1/doctors/{doctor.id}/slots"))["items"] == slots
        assert ok(here.get("/v1/slots"))["items"]
        here.book(slots[0])
        waiting = [log_in for log_in in log_ins if not log_in.done()]
        assert len(waiting) == 4
        for log_in in waiting:
            assert log_in.result().status_code in (401, 503)  # the last ones may time out
        assert {log_in.result().status_code for log_in in waiting} >= {401}
