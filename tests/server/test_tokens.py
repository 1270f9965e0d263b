"""Access tokens: forged ones, clock skew, other headers, and rotation of signing keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
import requests

from api import auth, config
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, Contract, ok, problem
from tests.support.forgery import ATTACKS, HOUR, OTHER_SECRET, Genuine, now, packed
from tests.support.pem import new_key, public
from tests.support.raw import connect, everything, refused, request
from tests.support.server import SECRET, Server, environment, serve

People = Callable[..., Client]

REFUSAL = {
    "type": "/problems/TM101",
    "title": "Unauthorized",
    "status": 401,
    "detail": "The access token is not valid or has expired: refresh it or log in.",
    "code": "TM101",
}
NOT_LOGGED_IN = REFUSAL | {
    "detail": "Log in and send the access token in the header Authorization."
}
PAIRS = {"EdDSA": new_key("EdDSA"), "RS256": new_key("RS256")}


@pytest.fixture(scope="module")
def token_owner(new_patient: People) -> Client:
    """A patient who is logged in. No test of this module logs them out."""
    return new_patient()


@pytest.fixture(scope="module")
def genuine(token_owner: Client) -> Genuine:
    """The access token of the patient, which is valid for longer than the tests take."""
    issued_token = Genuine(token_owner.token, "HS256", SECRET)
    return replace(issued_token, text=issued_token.with_claims(exp=now() + 24 * HOUR))


def show(url: str, token: str | bytes, path: str = "/v1/me") -> requests.Response:
    """Send a token unchanged, byte by byte."""
    raw = token if isinstance(token, bytes) else token.encode()
    return requests.get(url + path, headers={"Authorization": b"Bearer " + raw}, timeout=60)


def is_refused(answer: requests.Response, expected: dict[str, Any] = REFUSAL) -> None:
    """Every refusal is the same, so that it does not reveal what is wrong with a token."""
    body = problem(answer, 401)
    assert {name: value for name, value in body.items() if name != "request_id"} == expected
    error = ', error="invalid_token"' if expected is REFUSAL else ""  # RFC 6750, section 3.1
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="telemedicine"{error}'


def test_rebuilt_valid_token_is_accepted(
    genuine: Genuine, token_owner: Client, server: Server
) -> None:
    """Each refusal below is therefore caused by the change that the test makes."""
    unchanged = Genuine(token_owner.token, "HS256", SECRET)
    assert unchanged.signed(unchanged.header, unchanged.claims) == unchanged.text
    assert show(server.url, genuine.text).status_code == 200
    assert show(server.url, genuine.with_claims(jti=uuid4().hex, nbf=now() - 60)).status_code == 200


@pytest.mark.parametrize("attack", ATTACKS)
def test_forged_token_is_refused(attack: str, genuine: Genuine, server: Server) -> None:
    is_refused(show(server.url, ATTACKS[attack](genuine)))


def test_forged_tokens_cause_no_500(genuine: Genuine, server: Server) -> None:
    assert show(server.url, genuine.text).status_code == 200
    assert '"bug"' not in server.output


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "EdDSA", "RS256"])
def test_forged_token_is_refused_under_every_algorithm(algorithm: str) -> None:
    settings, ours = issued(algorithm)
    assert auth.verify(settings, ours.text) == ours.claims
    accepted = [name for name, make in ATTACKS.items() if is_accepted(settings, make(ours))]
    assert accepted == []


def test_token_that_expires_after_it_was_verified_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, ours = issued("HS256")
    assert auth.caller(settings, ours.text)[:3] == tuple(
        ours.claims[name] for name in ("sub", "role", "sid")
    )
    ends = ours.claims["exp"] + auth.LEEWAY_SECONDS
    begins = ours.claims["iat"] - auth.LEEWAY_SECONDS
    for moment, valid in ((ends - 1, True), (ends, False), (begins, True), (begins - 1, False)):
        monkeypatch.setattr(auth.time, "time", lambda moment=moment: moment)
        if valid:
            assert auth.caller(settings, ours.text)
        else:
            with pytest.raises(jwt.InvalidTokenError):
                auth.caller(settings, ours.text)


def test_token_that_was_verified_is_refused_under_other_settings() -> None:
    settings, ours = issued("HS256")
    assert auth.caller(settings, ours.text)
    other_key = environment("postgresql://", SECRET_KEY="9" * 64)
    other_audience = environment("postgresql://", SECRET_KEY=SECRET, TOKEN_AUDIENCE="other")
    for other in (other_key, other_audience):
        with pytest.raises(jwt.InvalidTokenError):
            auth.caller(config.load(other), ours.text)


def issued(algorithm: str) -> tuple[config.Settings, Genuine]:
    """Settings, and a token that was issued with them."""
    key = PAIRS.get(algorithm, SECRET)
    settings = config.load(environment("postgresql://", ALGORITHM=algorithm, SECRET_KEY=key))
    token = auth.issue(settings, str(uuid4()), "patient", str(uuid4()))
    return settings, Genuine(token, algorithm, key)


def is_accepted(settings: config.Settings, token: str | bytes) -> bool:
    """Whether a token is accepted. A refusal must be a jwt.InvalidTokenError."""
    text = token if isinstance(token, str) else token.decode("latin-1")  # as in WSGI
    try:
        auth.verify(settings, text)
    except jwt.InvalidTokenError:
        return False
    return True


def test_token_with_one_changed_character_is_refused() -> None:
    settings, ours = issued("HS256")
    for place, right in enumerate(ours.text):
        for wrong in "AZaz09-_.=+/ \x00ü":
            if wrong != right:
                changed = ours.text[:place] + wrong + ours.text[place + 1 :]
                assert not is_accepted(settings, changed), (place, wrong)


def test_token_times_allow_half_a_minute_of_clock_skew(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, ours = issued("HS256")
    present = now()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.fromtimestamp(present, tz)

    monkeypatch.setattr("jwt.api_jwt.datetime", Clock)
    for accepted in (
        {"exp": present + 1},
        {"exp": present},
        {"exp": present - 29},
        {"iat": present + 30},
        {"nbf": present + 30},
        {"iat": present + 30, "exp": present - 29},
        {"iat": 0},
    ):
        token = ours.with_claims(**{"iat": present, **accepted})
        assert is_accepted(settings, token), accepted
    for refused_ in ({"exp": present - 30}, {"iat": present + 31}, {"nbf": present + 31}):
        token = ours.with_claims(**{"iat": present, **refused_})
        assert not is_accepted(settings, token), refused_


def test_token_with_a_role_that_the_account_lacks_is_refused(
    genuine: Genuine, server: Server
) -> None:
    token = genuine.with_claims(role="admin")
    problem(show(server.url, token, "/v1/admin/analytics"), 401, "TM102")


# Without a bearer token


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "bearer\tx", "Basic dXNlcjpwYXNz", "Basic {token}", "{token}"),
        *("Token {token}", "JWT {token}", "DPoP {token}", "Digest {token}", "Bearer:{token}"),
        *("Bearer={token}", "Bearer\t{token}", "Bearers {token}", "B\u0435arer {token}", "null"),
    ],
)
def test_request_without_a_bearer_token_is_unauthorized(
    header: str, genuine: Genuine, server: Server
) -> None:
    sent = {"Authorization": header.format(token=genuine.text).encode()}
    is_refused(requests.get(server.url + "/v1/me", headers=sent, timeout=60), NOT_LOGGED_IN)


def test_token_outside_the_authorization_header_is_ignored(
    genuine: Genuine, server: Server
) -> None:
    """RFC 6750 allows two more places; RFC 9700, section 4.3.2 warns of them."""
    token = {"access_token": genuine.text}
    me, book = server.url + "/v1/me", server.url + "/v1/consultations"
    is_refused(requests.get(me, params=token, timeout=60), NOT_LOGGED_IN)
    is_refused(requests.post(book, data=token, timeout=60), NOT_LOGGED_IN)
    is_refused(requests.post(book, json=token, timeout=60), NOT_LOGGED_IN)
    is_refused(requests.get(me, cookies=token, timeout=60), NOT_LOGGED_IN)
    for name in ("X-Access-Token", "Proxy-Authorization", "X-Authorization", "X-Forwarded-User"):
        sent = {name: f"Bearer {genuine.text}"}
        is_refused(requests.get(me, headers=sent, timeout=60), NOT_LOGGED_IN)


def test_bearer_scheme_is_case_insensitive(genuine: Genuine, server: Server) -> None:
    sent = {"Authorization": f"bEARER {genuine.text}"}
    ok(requests.get(server.url + "/v1/me", headers=sent, timeout=60))


@pytest.mark.parametrize("other", ["Bearer {token}", "Basic dXNlcjpwYXNz", ""])
def test_two_authorization_headers_are_refused(
    other: str, genuine: Genuine, server: Server
) -> None:
    ours = f"Authorization: Bearer {genuine.text}"
    also = f"Authorization: {other.format(token=genuine.text)}"
    for both in ((ours, also), (also, ours)):
        answer = answer_to(server, *both, status=401)
        assert {name: answer[name] for name in NOT_LOGGED_IN} == NOT_LOGGED_IN


def answer_to(server: Server, *headers: str, status: int) -> dict[str, Any]:
    with connect(server.url) as connection:
        connection.sendall(request("GET", "/v1/me", *headers, "Connection: close"))
        return refused(everything(connection), status)


def test_malformed_authorization_header_is_refused(genuine: Genuine, server: Server) -> None:
    line = f"Authorization: Bearer {genuine.text}"
    answer_to(server, line + "x" * 100_000, status=431)
    answer_to(server, f"Authorization: Bearer {'a.' * 50_000}", status=431)
    answer_to(server, line + "\x00", status=400)
    answer_to(server, line.replace(".", "\x00", 1), status=400)
    answer_to(server, line.replace(".", "\r\n .", 1), status=400)  # RFC 9112, section 5.2
    answer_to(server, "Authorization : Bearer x", status=400)
    assert show(server.url, genuine.text).status_code == 200


# Other tokens


def test_refresh_token_as_access_token_is_refused(token_owner: Client, server: Server) -> None:
    refresh_token = token_owner.tokens["refresh_token"]
    is_refused(show(server.url, refresh_token))
    is_refused(show(server.url, f"{refresh_token}.{refresh_token}.{refresh_token}"))


def test_access_token_as_refresh_token_is_refused(genuine: Genuine, stranger: Client) -> None:
    body = {"refresh_token": genuine.text}
    assert stranger.post("/v1/auth/refresh", body).status_code in (401, 422)


# Rotation of signing keys


@pytest.fixture
def instance(cluster: Cluster, database: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts another instance, with its own settings."""

    def start(**settings: str) -> Any:
        log = tmp_path / f"log{uuid4().hex}"
        url = cluster.url(database, "telemed_api")
        return serve(url, log, WEB_CONCURRENCY="1", **settings)

    return start


def log_in(url: str, client: Client) -> dict[str, Any]:
    body = {"email": client.email, "password": PASSWORD}
    return ok(requests.post(url + "/v1/auth/login", json=body, timeout=60))


def refresh(url: str, tokens: dict[str, Any]) -> dict[str, Any]:
    body = {"refresh_token": tokens["refresh_token"]}
    return ok(requests.post(url + "/v1/auth/refresh", json=body, timeout=60))


@pytest.mark.parametrize(
    ("algorithm", "old", "new"),
    [("HS256", SECRET, OTHER_SECRET), ("EdDSA", PAIRS["EdDSA"], new_key("EdDSA"))],
    ids=["HS256", "EdDSA"],
)
def test_new_signing_key_keeps_existing_tokens_valid(
    algorithm: str, old: str, new: str, token_owner: Client, instance: Callable[..., Any]
) -> None:
    """The steps of docs/operations.md."""

    def keys(current: str, *retired: str) -> dict[str, str]:
        retired_keys = ("" if algorithm == "EdDSA" else ",").join(retired)
        return {"ALGORITHM": algorithm, "SECRET_KEY": current, "SECRET_KEYS_RETIRED": retired_keys}

    with instance(**keys(old)) as before:
        tokens = log_in(before.url, token_owner)
        assert show(before.url, tokens["access_token"]).status_code == 200
    with instance(**keys(old, new)) as prepared, instance(**keys(new, old)) as changed:
        # Each instance accepts the tokens of the other.
        assert show(prepared.url, tokens["access_token"]).status_code == 200
        assert show(changed.url, tokens["access_token"]).status_code == 200
        tokens = refresh(prepared.url, tokens)
        assert show(changed.url, tokens["access_token"]).status_code == 200
        last_of_the_old = tokens["access_token"]
        tokens = refresh(changed.url, tokens)
        first_of_the_new = tokens["access_token"]
        assert show(prepared.url, first_of_the_new).status_code == 200
        kids = [jwt.get_unverified_header(t)["kid"] for t in (last_of_the_old, first_of_the_new)]
        assert len(set(kids)) == 2
    with instance(**keys(new)) as after:
        is_refused(show(after.url, last_of_the_old))
        assert show(after.url, first_of_the_new).status_code == 200
        tokens = refresh(after.url, tokens)
        assert show(after.url, tokens["access_token"]).status_code == 200


def test_only_the_key_named_by_kid_is_tried() -> None:
    both = {"SECRET_KEY": SECRET, "SECRET_KEYS_RETIRED": OTHER_SECRET}
    settings = config.load(environment("postgresql://", **both))
    _, ours = issued("HS256")
    retired = config.load(environment("postgresql://", SECRET_KEY=OTHER_SECRET))
    second = Genuine(auth.issue(retired, str(uuid4()), "patient", str(uuid4())), "HS256", SECRET)
    assert is_accepted(settings, ours.text)
    assert is_accepted(settings, second.text)
    # Each token signed with the key of the other.
    assert not is_accepted(settings, ours.signed_by(OTHER_SECRET, "HS256"))
    assert not is_accepted(settings, second.signed_by(SECRET, "HS256"))


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
def test_key_pair_lets_others_verify_tokens(
    algorithm: str, token_owner: Client, instance: Callable[..., Any]
) -> None:
    retired = new_key(algorithm)
    keys = {
        "ALGORITHM": algorithm,
        "SECRET_KEY": PAIRS[algorithm].replace("\n", "\\n"),
        "SECRET_KEYS_RETIRED": retired + public(new_key(algorithm)),
    }
    with instance(**keys) as server:
        tokens = log_in(server.url, token_owner)
        ours = Genuine(tokens["access_token"], algorithm, PAIRS[algorithm])
        ok(show(server.url, ours.text))

        contract = Contract(requests.get(server.url + "/openapi.json", timeout=60).json())
        published = ok(Client(server.url, contract).get("/.well-known/jwks.json"))
        by_kid = {key.key_id: key for key in jwt.PyJWKSet.from_dict(published).keys}
        assert len(by_kid) == 3
        key = by_kid[ours.header["kid"]]
        claims = jwt.decode(ours.text, key, [algorithm], audience="telemedicine-api")
        assert claims["sub"] == token_owner.id

        of_retired = config.load(
            environment("postgresql://", ALGORITHM=algorithm, SECRET_KEY=retired)
        )
        subject = (claims["sub"], claims["role"], claims["sid"])
        ok(show(server.url, auth.issue(of_retired, *subject)))

        # A public key must not be used as a secret (RFC 8725, section 2.1).
        for confusion in (name for name in ATTACKS if "HS256 with a public key" in name):
            is_refused(show(server.url, ATTACKS[confusion](ours)))
        is_refused(show(server.url, Genuine(token_owner.token, "HS256", SECRET).text))
        is_refused(show(server.url, ours.unsigned("none")))
        signature = ours.parts[2]
        is_refused(show(server.url, f"{packed(ours.header)}.{packed(b'{}')}.{signature}"))
        assert '"bug"' not in server.output
        assert "BEGIN" not in server.output


def test_server_log_has_no_part_of_a_token(genuine: Genuine, server: Server) -> None:
    is_refused(show(server.url, "nothing-of.this-should.be-there"))
    log = server.output
    for part in (*genuine.parts, genuine.header["kid"], "nothing-of", "this-should", "be-there"):
        assert part not in log
