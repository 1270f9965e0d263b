"""Second factors: enrolment, log-in with one-time codes and recovery codes."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pyotp
import pytest
from cryptography.fernet import Fernet, InvalidToken

from api import totp
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, ok, places, problem, race
from tests.support.people import log_in
from tests.support.second_factor import STEP, Authenticator, Protected, now_step
from tests.support.server import MFA_KEY, SECRET, serve

USER = "0190a0e4-0000-7000-8000-000000000001"
MANY = 64
BASE32 = re.compile(r"[A-Z2-7]{32}")
OLD_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.fixture
def protected(patient: Client) -> Protected:
    return Protected(patient)


# From enrolment to removal


def test_a_second_factor_is_enrolled_confirmed_used_and_removed(
    stranger: Client, patient: Client
) -> None:
    enrolment = ok(patient.post("/v1/me/mfa"), 201)
    secret = enrolment["secret"]
    assert len(secret) * 5 >= 160
    totp = pyotp.parse_uri(enrolment["otpauth_uri"])
    assert isinstance(totp, pyotp.TOTP)
    assert (totp.secret, totp.name, totp.issuer) == (secret, patient.email, "Telemedicine")
    assert (totp.digits, totp.interval) == (6, STEP)
    assert enrolment["qr_svg"].startswith("<svg")

    # Before the confirmation, a log-in needs no code.
    log_in(stranger, patient.email)
    assert ok(patient.get("/v1/me"))["mfa_confirmed_at"] is None
    authenticator = Authenticator(secret)
    codes = authenticator.confirm(patient)
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) * 5 >= 112 for code in codes)

    credentials = {"email": patient.email, "password": PASSWORD}
    answer = stranger.post("/v1/auth/login", credentials)
    assert problem(answer, 401, "TM105")["detail"] == "A one-time code is needed"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    tokens = ok(stranger.post("/v1/auth/login", credentials | {"otp": authenticator.fresh()}))
    again = Client(stranger.url, stranger.contract, tokens["access_token"])
    assert ok(again.get("/v1/me"))["mfa_confirmed_at"]
    refresh = {"refresh_token": tokens["refresh_token"]}
    ok(stranger.post("/v1/auth/refresh", refresh))

    answer = again.send("DELETE", "/v1/me/mfa", json={"otp": authenticator.fresh()})
    assert (answer.status_code, answer.content) == (204, b"")
    log_in(stranger, patient.email)


def test_unconfirmed_enrolment_may_begin_again(patient: Client) -> None:
    first = ok(patient.post("/v1/me/mfa", {}), 201)["secret"]
    second = ok(patient.post("/v1/me/mfa"), 201)["secret"]
    assert first != second
    old, new = Authenticator(first), Authenticator(second)
    problem(patient.post("/v1/me/mfa/confirm", {"otp": old.fresh()}), 401, "TM106")
    ok(patient.post("/v1/me/mfa/confirm", {"otp": new.fresh()}))
    problem(patient.post("/v1/me/mfa"), 409, "TM914")
    problem(patient.post("/v1/me/mfa/confirm", {"otp": new.fresh()}), 409, "TM914")


def test_confirming_or_removing_without_an_enrolment_is_refused(patient: Client) -> None:
    problem(patient.post("/v1/me/mfa/confirm", {"otp": "123456"}), 409, "TM915")
    body = {"otp": "123456"}
    problem(patient.send("DELETE", "/v1/me/mfa", json=body), 409, "TM915")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "#/otp"),
        ({"otp": None}, "#/otp"),
        ({"otp": 123456}, "#/otp"),
        ({"otp": ""}, "#/otp"),
        ({"otp": "1" * 41}, "#/otp"),
        ({"otp": "123456", "secret": "mine"}, "#/secret"),
    ],
)
def test_request_with_an_invalid_field_is_refused(
    patient: Client, body: dict[str, object], place: str
) -> None:
    assert places(patient.post("/v1/me/mfa/confirm", body)) == [place]
    assert places(patient.send("DELETE", "/v1/me/mfa", json=body)) == [place]
    assert places(patient.post("/v1/me/mfa", {"secret": "mine"})) == ["#/secret"]


def test_longest_email_address_fits_in_the_qr_code(stranger: Client) -> None:
    email = "\N{PILE OF POO}" * 240 + "@clinic.test"
    body = {"email": email, "password": PASSWORD, "full_name": "Pat"}
    ok(stranger.post("/v1/auth/signup", body), 201)
    ok(log_in(stranger, email).post("/v1/me/mfa"), 201)


# One-time codes and recovery codes


def test_one_time_code_used_twice_is_refused(protected: Protected) -> None:
    code = protected.authenticator.fresh()
    ok(protected.log_in(code))
    problem(protected.log_in(code), 401, "TM106")
    problem(protected.remove(code), 401, "TM106")


def test_code_that_confirmed_the_enrolment_is_refused_at_log_in(patient: Client) -> None:
    authenticator = Authenticator(ok(patient.post("/v1/me/mfa"), 201)["secret"])
    code = authenticator.fresh()
    ok(patient.post("/v1/me/mfa/confirm", {"otp": code}))
    body = {"email": patient.email, "password": PASSWORD, "otp": code}
    problem(patient.post("/v1/auth/login", body), 401, "TM106")


def test_one_time_code_with_a_space_is_accepted(protected: Protected) -> None:
    code = protected.authenticator.fresh()
    ok(protected.log_in(f" {code[:3]} {code[3:]}"))


@pytest.mark.parametrize("otp", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "'; --", "🙂" * 40])
def test_malformed_one_time_code_is_refused(protected: Protected, otp: str) -> None:
    answer = protected.log_in(otp)
    if otp:
        problem(answer, 401, "TM106")
    else:
        assert places(answer) == ["#/otp"]


def test_one_time_code_of_another_time_step_is_refused(protected: Protected) -> None:
    # Well beyond the accepted steps, because the clock may advance during the test.
    for step in (now_step() - 4, now_step() + 4, 0):
        problem(protected.log_in(protected.authenticator.at(step)), 401, "TM106")
    ok(protected.log_in(protected.authenticator.fresh()))


@pytest.mark.parametrize("kind", ["one-time code", "recovery code"])
def test_64_concurrent_requests_with_one_code_log_in_once(
    cluster: Cluster, database: str, roomy: str, protected: Protected, kind: str
) -> None:
    sessions = f"select count(*) from app.sessions where user_id = '{protected.client.id}'"
    before = int(cluster.sql(sessions, database))
    protected.client.url = roomy
    one_time = kind == "one-time code"
    code = protected.authenticator.fresh() if one_time else protected.recovery_codes[3]
    answers = race([lambda: protected.log_in(code)] * MANY)
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * (MANY - 1)
    for answer in answers:
        if answer.status_code == 401:
            problem(answer, 401, "TM106")
    assert int(cluster.sql(sessions, database)) == before + 1


def test_64_concurrent_confirmations_confirm_once(roomy: str, patient: Client) -> None:
    patient.url = roomy
    body = {"otp": Authenticator(ok(patient.post("/v1/me/mfa"), 201)["secret"]).fresh()}
    answers = race([lambda: patient.post("/v1/me/mfa/confirm", body)] * MANY)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (MANY - 1)


def test_recovery_code_used_twice_is_refused(protected: Protected) -> None:
    first, second, *_ = protected.recovery_codes
    ok(protected.log_in(first))
    problem(protected.log_in(first), 401, "TM106")
    ok(protected.log_in(second.upper().replace("-", " ")))
    assert protected.remove(protected.recovery_codes[2]).status_code == 204
    ok(protected.log_in())


def test_recovery_codes_of_a_removed_factor_are_refused(protected: Protected) -> None:
    protected.remove(protected.recovery_codes[0])
    again = Protected(protected.client)
    problem(again.log_in(protected.recovery_codes[1]), 401, "TM106")
    ok(again.log_in(again.recovery_codes[1]))


def test_one_time_code_of_another_account_is_refused(
    protected: Protected, new_patient: Callable[[], Client]
) -> None:
    other = Protected(new_patient())
    problem(protected.log_in(other.authenticator.fresh()), 401, "TM106")
    problem(protected.log_in(other.recovery_codes[0]), 401, "TM106")


def test_wrong_password_does_not_reveal_the_second_factor(protected: Protected) -> None:
    wrong = "not the password"
    code = protected.authenticator.fresh()
    for otp in (None, code, protected.authenticator.wrong(), protected.recovery_codes[0]):
        refusal = problem(protected.log_in(otp, wrong), 401, "TM103")
        assert refusal["detail"] == "E-mail address or password is wrong"
    # None of the codes has been used up.
    ok(protected.log_in(code))
    ok(protected.log_in(protected.recovery_codes[0]))


def test_too_many_wrong_codes_end_the_session(roomy: str, protected: Protected) -> None:
    protected.client.url = roomy
    wrong = protected.authenticator.wrong()
    answers = race([lambda: protected.remove(wrong)] * 16)
    codes = sorted(answer.json()["code"] for answer in answers)
    assert codes.count("TM106") == 5
    assert set(codes) == {"TM106", "TM102"}
    problem(protected.remove(protected.authenticator.fresh()), 401, "TM102")


# Secrets in the database and in the log


def test_database_never_stores_the_plain_secret(
    cluster: Cluster, database: str, protected: Protected
) -> None:
    row = f"where id = '{protected.client.id}'"
    stored = cluster.sql(f"select convert_from(mfa_secret, 'UTF8') from app.users {row}", database)
    secret = protected.authenticator.totp.secret
    assert totp.decrypt(MFA_KEY, protected.client.id, stored) == secret
    dump = cluster.sql(
        f"""
        select to_jsonb(u) from app.users as u {row}
        union all select to_jsonb(c) from app.recovery_codes as c
        union all select to_jsonb(l) from app.audit_logs as l
        """,
        database,
    )
    for hidden in (secret, stored, secret.encode().hex(), *protected.recovery_codes):
        assert hidden not in dump.replace(stored.encode().hex(), "")
    logged = cluster.sql("select string_agg(concat(old, new), '') from app.audit_logs", database)
    assert stored.encode().hex() not in logged


def test_secret_moved_to_another_account_is_refused(
    cluster: Cluster, database: str, protected: Protected, new_patient: Callable[[], Client]
) -> None:
    attacker = Protected(new_patient())
    cluster.sql(
        f"""
        update app.users set mfa_secret = (
            select mfa_secret from app.users where id = '{attacker.client.id}')
        where id = '{protected.client.id}'
        """,
        database,
    )
    problem(protected.log_in(attacker.authenticator.fresh()), 401, "TM106")
    ok(protected.log_in(protected.recovery_codes[0]))


def test_secrets_are_encrypted_with_the_first_key_and_decrypted_with_any_key() -> None:
    old, new = totp.new_key(), totp.new_key()
    before = totp.encrypt(old, USER, "SECRET")
    assert totp.decrypt(f"{new}, {old}", USER, before) == "SECRET"
    after = totp.encrypt(f"{new},{old}", USER, "SECRET")
    assert totp.decrypt(new, USER, after) == "SECRET"
    with pytest.raises(InvalidToken):
        totp.decrypt(new, USER, before)
    with pytest.raises(InvalidToken):
        totp.decrypt(new, USER.replace("1", "2"), after)
    assert "SECRET" not in after


def test_code_is_refused_when_the_encryption_key_is_lost() -> None:
    secret = totp.new_secret()
    kept = totp.encrypt(totp.new_key(), USER, secret)
    code = pyotp.TOTP(secret).at(now_step() * STEP)
    assert totp.step_of(totp.new_key(), USER, kept, code) is None


def test_one_time_code_is_accepted_in_the_adjacent_time_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = totp.new_secret()
    kept = totp.encrypt(MFA_KEY, USER, secret)
    moment = datetime(2027, 1, 4, 8, 0, 10, tzinfo=UTC)
    step = int(moment.timestamp()) // STEP
    code = pyotp.TOTP(secret).at(moment)
    edges = {
        (step - 1) * STEP - 0.001: None,
        (step - 1) * STEP: step,
        step * STEP: step,
        (step + 2) * STEP - 0.001: step,
        (step + 2) * STEP: None,
    }
    for now, expected in edges.items():
        monkeypatch.setattr(time, "time", lambda now=now: now)
        assert totp.step_of(MFA_KEY, USER, kept, code) == expected, now
        assert totp.step_of(MFA_KEY, None, None, code) is None


def test_server_log_has_neither_codes_nor_secrets(
    cluster: Cluster, database: str, patient: Client, tmp_path: Path
) -> None:
    url = cluster.url(database, "telemed_api")
    with serve(url, tmp_path / "log", WEB_CONCURRENCY="1", LOG_LEVEL="DEBUG") as here:
        person = Client(here.url, patient.contract, patient.token, email=patient.email)
        protected = Protected(person)
        code = protected.authenticator.fresh()
        ok(protected.log_in(code))
        problem(protected.log_in(code), 401, "TM106")
        written = here.output
    assert written.count("/v1/auth/login") == 2
    for hidden in (protected.authenticator.totp.secret, code, *protected.recovery_codes, MFA_KEY):
        assert hidden not in written
    assert SECRET not in written


# Secrets of earlier versions


def test_enrolled_secret_has_32_characters_of_base32(
    cluster: Cluster, database: str, patient: Client
) -> None:
    """Newer versions of pyotp refuse secrets of less than 128 bits, such as 16 characters."""
    secret = ok(patient.post("/v1/me/mfa"), 201)["secret"]
    assert BASE32.fullmatch(secret)
    row = f"select convert_from(mfa_secret, 'UTF8') from app.users where id = '{patient.id}'"
    assert totp.decrypt(MFA_KEY, patient.id, cluster.sql(row, database)) == secret


def test_secret_that_an_earlier_version_stored_still_verifies(
    cluster: Cluster, database: str, protected: Protected
) -> None:
    # 160 bits, encrypted as they have been stored since the first release.
    stored = Fernet(MFA_KEY).encrypt(f"{protected.client.id} {OLD_SECRET}".encode())
    cluster.sql(
        f"""
        update app.users set mfa_secret = decode('{stored.hex()}', 'hex')
        where id = '{protected.client.id}'
        """,
        database,
    )
    old = Authenticator(OLD_SECRET)
    ok(protected.log_in(old.fresh()))
    problem(protected.log_in(protected.authenticator.wrong()), 401, "TM106")
    assert protected.remove(old.fresh()).status_code == 204


def test_code_of_an_old_secret_is_that_of_the_standard() -> None:
    # RFC 6238, appendix B, SHA-1: the secret of the test vectors has 160 bits, too.
    assert BASE32.fullmatch(OLD_SECRET)
    kept = totp.encrypt(MFA_KEY, USER, OLD_SECRET)
    for now, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        with patch.object(totp.time, "time", return_value=now):
            assert totp.step_of(MFA_KEY, USER, kept, code) == now // STEP
