"""Rate limits: per account, per address, in memory and in a shared store."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
import requests
import structlog
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api import auth, config, errors, rate_limits
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, ok, problem
from tests.support.server import environment, serve

# Windows are so long that none ends during these tests.
TWO = "2 per year"
RIGHT = environment("postgresql:///x")
ANNA, BEN = str(uuid.uuid4()), str(uuid.uuid4())


class Store:
    """A shared store that can fail."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.fails = False
        self.calls = 0

    def incr(self, key: str, _expiry: int) -> int:
        self.calls += 1
        if self.fails:
            raise ConnectionRefusedError
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]


def make_app(**settings: str) -> Flask:
    """An application with public routes, a route that requires a log-in, and a log-in route."""
    app = Flask("limits")
    app.config["SETTINGS"] = config.load(RIGHT | {"RATE_LIMIT": TWO} | settings)
    errors.register(app)
    rate_limits.register(app, app.config["SETTINGS"])
    app.add_url_rule("/health", "health", lambda: "well")
    app.add_url_rule("/mine", "mine", auth.signed_in()(lambda: "yours"))
    app.add_url_rule("/feed", "feed", rate_limits.counted_by_address(lambda: "entries"))
    app.add_url_rule("/where", "where", rate_limits.client_address)
    auth_routes = Blueprint("auth", "limits", url_prefix=rate_limits.AUTH_PREFIX.rstrip("/"))
    auth_routes.add_url_rule("/login", "log_in", lambda: "welcome")
    app.register_blueprint(auth_routes)
    return app


def token(app: Flask, user: str) -> str:
    return auth.issue(app.config["SETTINGS"], user, "patient", str(uuid.uuid4()))


def mine(app: Flask, token: str, address: str = "192.0.2.1") -> TestResponse:
    client: FlaskClient = app.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    return client.get("/mine", headers=headers, environ_base={"REMOTE_ADDR": address})


def log_in(app: Flask, address: str) -> TestResponse:
    return app.test_client().get(
        f"{rate_limits.AUTH_PREFIX}login", environ_base={"REMOTE_ADDR": address}
    )


def test_rate_limit_counts_an_account_across_addresses() -> None:
    app = make_app()
    answers = [mine(app, token(app, ANNA), f"192.0.2.{n}") for n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0", "0"]
    assert mine(app, token(app, BEN), "192.0.2.1").status_code == 200


def test_route_without_an_access_token_is_counted_by_address() -> None:
    client = make_app().test_client()

    def status(address: str) -> int:
        return client.get("/feed", environ_base={"REMOTE_ADDR": address}).status_code

    assert [status("192.0.2.1") for _ in range(3)] == [200, 200, 429]
    assert status("192.0.2.2") == 200


def test_rate_limit_refusal_has_retry_after() -> None:
    app = make_app()
    answer = [mine(app, token(app, ANNA)) for _ in range(3)][2]
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["code"] == "HTTP429"
    assert answer.headers["RateLimit-Limit"] == "2"
    assert answer.headers["RateLimit-Reset"] == answer.headers["Retry-After"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 12 * 30 * 24 * 3600


def test_rate_limit_reset_is_at_least_one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    for now in (119.0, 119.999, 120.0, 120.001):
        monkeypatch.setattr(rate_limits.time, "time", lambda now=now: now)
        app = make_app(RATE_LIMIT_AUTH="1 per minute")
        waits = [log_in(app, "192.0.2.1").headers.get("Retry-After") for _ in range(2)]
        assert waits == [None, "1" if now < 120 else "60"]


def test_rate_limit_starts_again_in_the_next_window(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(RATE_LIMIT_AUTH="1 per minute")
    for now in (119.0, 120.0, 180.0):
        monkeypatch.setattr(rate_limits.time, "time", lambda now=now: now)
        assert [log_in(app, "192.0.2.1").status_code for _ in range(2)] == [200, 429]


def test_rate_limit_header_shows_the_tightest_rate() -> None:
    app = make_app(RATE_LIMIT_AUTH="3 per year; 9 per day")
    answers = [log_in(app, "192.0.2.1") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"3"}


def test_invalid_tokens_count_for_the_address() -> None:
    app = make_app()
    claims = jwt.decode(token(app, ANNA), options={"verify_signature": False})
    forged = [
        jwt.encode(claims | {"sub": sub}, "x" * 32, "HS256", headers={"typ": "at+jwt"})
        for sub in (ANNA, BEN, str(uuid.uuid4()))
    ]
    answers = [mine(app, invalid) for invalid in ("x", *forged)]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
    assert mine(app, forged[0], "192.0.2.2").status_code == 401
    # A valid token is counted for its account only.
    assert mine(app, token(app, ANNA)).headers["RateLimit-Remaining"] == "1"


def test_log_in_has_its_own_rate_limit() -> None:
    app = make_app(RATE_LIMIT_AUTH="1 per year")
    assert [log_in(app, "192.0.2.1").status_code for _ in range(2)] == [200, 429]
    assert log_in(app, "192.0.2.2").status_code == 200
    assert mine(app, token(app, ANNA)).status_code == 200


def test_requests_without_a_rate_limit_are_not_counted() -> None:
    app = make_app(RATE_LIMIT="", RATE_LIMIT_AUTH="")
    for _ in range(5):
        for answer in (log_in(app, "192.0.2.1"), mine(app, token(app, ANNA))):
            assert answer.status_code == 200
            assert "RateLimit-Limit" not in answer.headers
    limited = make_app(RATE_LIMIT="1 per year", RATE_LIMIT_AUTH="1 per year")
    for _ in range(5):
        health = limited.test_client().get("/health")
        assert health.status_code == 200
        assert "RateLimit-Limit" not in health.headers


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "expected"),
    [
        (0, None, "192.0.2.1", "192.0.2.1"),
        (0, "203.0.113.7", "192.0.2.1", "192.0.2.1"),
        (1, None, "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.7", "192.0.2.1", "203.0.113.7"),
        (1, "198.51.100.9, 203.0.113.7", "192.0.2.1", "203.0.113.7"),
        (2, "198.51.100.9, 203.0.113.7", "192.0.2.1", "198.51.100.9"),
        (2, "203.0.113.7", "192.0.2.1", "192.0.2.1"),
        # An open quote hides the address that the proxy has added: the address of the proxy counts.
        (1, '"198.51.100.9, 203.0.113.7', "192.0.2.1", "192.0.2.1"),
        (1, "somewhere", "192.0.2.1", "unknown"),
        (0, None, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (0, None, "2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        (1, "2001:DB8:1:3::1", "192.0.2.1", "2001:db8:1:3::/64"),
        (0, None, "fe80::1%eth0", "fe80::/64"),
        (0, None, "::ffff:192.0.2.1", "192.0.2.1"),
        (0, None, "", "unknown"),
    ],
)
def test_client_address_comes_from_trusted_proxies_only(
    proxies: int, forwarded: str | None, remote: str, expected: str
) -> None:
    client = make_app(TRUSTED_PROXIES=str(proxies)).test_client()
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = client.get("/where", headers=headers, environ_base={"REMOTE_ADDR": remote})
    assert answer.text == expected


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def shared(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Flask]:
    """Makes application instances that share one store."""
    monkeypatch.setattr(rate_limits, "_shared", lambda _url: store)
    return lambda: make_app(RATE_LIMIT_STORAGE_URL="redis://localhost", RATE_LIMIT_AUTH=TWO)


def test_instances_share_counts_in_a_store(shared: Callable[[], Flask]) -> None:
    one, other = shared(), shared()
    answers = [log_in(app, "192.0.2.1").status_code for app in (one, other, one, other)]
    assert answers == [200, 200, 429, 429]


def test_requests_are_counted_in_memory_while_the_store_fails(
    shared: Callable[[], Flask], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(rate_limits.time, "monotonic", lambda: now)
    app = shared()
    store.fails = True
    with structlog.testing.capture_logs() as lines:
        answers = [log_in(app, "192.0.2.1").status_code for _ in range(3)]
        assert answers == [200, 200, 429]  # counted in memory
        assert store.calls == 1
        now += rate_limits.RETRY_SECONDS
        assert log_in(app, "192.0.2.2").status_code == 200
        assert log_in(app, "192.0.2.2").status_code == 200
        assert store.calls == 2
        store.fails = False
        now += rate_limits.RETRY_SECONDS
        assert log_in(app, "192.0.2.1").status_code == 200
        assert log_in(app, "192.0.2.1").status_code == 200
        assert store.calls == 4
    assert [line["counted"] for line in lines] == ["in memory", "in memory", "in the store again"]
    assert lines[0]["error"] == "ConnectionRefusedError"


def test_requests_are_counted_in_memory_without_the_store() -> None:
    app = make_app(RATE_LIMIT_STORAGE_URL="redis://:secret@127.0.0.1:1/0", RATE_LIMIT_AUTH=TWO)
    with structlog.testing.capture_logs() as lines:
        answers = [log_in(app, "192.0.2.1").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert [line["error"] for line in lines] == ["ConnectionError"]
    assert "secret" not in str(lines)


def test_running_server_applies_its_rate_limits(
    cluster: Cluster, database: str, patient: Client, tmp_path: Path
) -> None:
    settings = {
        "WEB_CONCURRENCY": "1",
        "RATE_LIMIT": "3 per year",
        "RATE_LIMIT_AUTH": "2 per year",
        "TRUSTED_PROXIES": "1",
    }
    url = cluster.url(database, "telemed_api")
    body = {"email": patient.email, "password": PASSWORD}
    with serve(url, tmp_path / "log", **settings) as limited:
        here = Client(limited.url, patient.contract, patient.token)
        for left in ("2", "1", "0"):
            answer = here.get("/v1/me")
            assert ok(answer)
            assert answer.headers["RateLimit-Remaining"] == left
        answer = here.get("/v1/slots")
        problem(answer, 429, "HTTP429")
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["RateLimit-Limit"] == "3"
        assert answer.headers["Cache-Control"] == "no-store"

        stranger = Client(limited.url, patient.contract)
        for last, status in (("1", 200), ("1", 200), ("1", 429), ("2", 200)):
            headers = {"X-Forwarded-For": f"203.0.113.{last}"}
            answer = stranger.send("POST", "/v1/auth/login", json=body, headers=headers)
            assert answer.status_code == status

        for path in ("/health", "/health/live", "/health/ready", "/metrics", "/docs"):
            for _ in range(5):
                answer = requests.get(limited.url + path, timeout=60)
                assert answer.status_code == 200
                assert "RateLimit-Limit" not in answer.headers
        assert requests.get(limited.url + "/openapi.json", timeout=60).status_code == 200
