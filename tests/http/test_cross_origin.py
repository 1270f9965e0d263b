"""Requests of web pages from other origins (CORS)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from api import config, cross_origin
from api.app import create_app
from tests.support.server import environment

APP, OTHER = "https://app.example", "http://localhost:5173"
ASKED = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}


def make_client(origins: str) -> FlaskClient:
    settings = environment("postgresql://nowhere", CORS_ALLOWED_ORIGINS=origins)
    return create_app(config.load(settings)).test_client()


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return make_client(f"{APP}, {OTHER}")


def listed(header: str | None) -> set[str]:
    return {name.strip().lower() for name in (header or "").split(",")}


@pytest.mark.parametrize("origin", [APP, OTHER])
@pytest.mark.parametrize("path", ["/v1/consultations", "/v1/auth/login", "/v1/me", "/openapi.json"])
def test_preflight_of_an_allowed_origin_is_granted(
    client: FlaskClient, origin: str, path: str
) -> None:
    answer = client.options(path, headers=ASKED | {"Origin": origin})
    assert answer.status_code == 200
    headers = answer.headers
    assert headers["Access-Control-Allow-Origin"] == origin
    assert {"post", "patch", "delete"} <= listed(headers["Access-Control-Allow-Methods"])
    allowed = listed(headers["Access-Control-Allow-Headers"])
    assert allowed == {"authorization", "content-type", "idempotency-key"}
    assert headers["Access-Control-Max-Age"] == "7200"
    assert "Origin" in headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("header", cross_origin.REQUEST_HEADERS)
def test_preflight_grants_each_header_of_requests(client: FlaskClient, header: str) -> None:
    asked = {"Origin": APP, "Access-Control-Request-Method": "GET"}
    asked["Access-Control-Request-Headers"] = header.lower()
    answer = client.options("/v1/me", headers=asked)
    assert listed(answer.headers["Access-Control-Allow-Headers"]) == {header.lower()}


def test_preflight_of_another_header_grants_only_the_known_ones(client: FlaskClient) -> None:
    asked = {"Origin": APP, "Access-Control-Request-Method": "GET"}
    asked["Access-Control-Request-Headers"] = "authorization, x-role"
    answer = client.options("/v1/me", headers=asked)
    assert listed(answer.headers["Access-Control-Allow-Headers"]) == {"authorization"}


@pytest.mark.parametrize("path", ["/health", "/v1/me", "/v1/nothing"])
def test_answer_to_an_allowed_origin_can_be_read_by_its_page(
    client: FlaskClient, path: str
) -> None:
    answer = client.get(path, headers={"Origin": APP})
    assert answer.status_code in (200, 401, 404)
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    exposed = listed(answer.headers["Access-Control-Expose-Headers"])
    assert {"etag", "location", "link", "retry-after", "idempotency-replayed"} <= exposed
    assert {"x-request-id", "ratelimit-remaining", "www-authenticate"} <= exposed
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example",
        "https://app.example:444",
        "https://app.example.evil.example",
        "https://xapp.example",
        "https://appxexample",
        "https://app.example/",
        "null",
        "*",
        "",
    ],
)
def test_other_origin_gets_no_header(client: FlaskClient, origin: str) -> None:
    for answer in (
        client.options("/v1/me", headers=ASKED | {"Origin": origin}),
        client.get("/health", headers={"Origin": origin}),
    ):
        assert answer.status_code == 200
        assert "Access-Control" not in str(answer.headers)


def test_request_without_an_origin_gets_no_grant(client: FlaskClient) -> None:
    answer = client.get("/health")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_no_origin_is_allowed_by_default() -> None:
    client = make_client("")
    for origin in (APP, "null", "http://localhost"):
        for answer in (
            client.options("/v1/me", headers=ASKED | {"Origin": origin}),
            client.get("/health", headers={"Origin": origin}),
        ):
            assert "Access-Control" not in str(answer.headers)
            assert "Vary" not in answer.headers


@pytest.mark.parametrize(
    "origins",
    [
        *("*", "https://*.example", "app.example", "https://app.example/", "https://App.example"),
        *("https://app.example/path", "null", "https://app.example https://other.example"),
        *("https://user@app.example", "https://app.example:port", "https://[::1]", ".*", "^https"),
    ],
)
def test_setting_that_is_no_list_of_origins_is_refused(origins: str) -> None:
    with pytest.raises(config.SettingsError, match="CORS_ALLOWED_ORIGINS"):
        config.load(environment("postgresql://nowhere", CORS_ALLOWED_ORIGINS=origins))


def test_origins_are_read_as_a_list() -> None:
    settings = environment("postgresql://nowhere", CORS_ALLOWED_ORIGINS=f" {APP},, {OTHER} ")
    assert config.load(settings).origins == [APP, OTHER]
