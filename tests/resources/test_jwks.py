"""The public keys that verify access tokens."""

from __future__ import annotations

import jwt
import pytest
from flask import Flask, Response

from api.config import load
from api.resources.jwks import public_keys
from tests.support.client import Client, ok
from tests.support.pem import new_key, public, written
from tests.support.server import environment

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}  # RFC 7518, section 6


def published(**settings: str) -> Response:
    """The answer under these settings; tests/server/test_tokens.py asks running servers."""
    app = Flask("jwks")
    app.config["SETTINGS"] = load(environment("postgresql://", **settings))
    with app.test_request_context():
        return public_keys()


def test_jwks_contains_no_symmetric_key(stranger: Client) -> None:
    answer = stranger.get("/.well-known/jwks.json")
    assert ok(answer) == {"keys": []}
    assert answer.headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize(
    ("algorithm", "members"),
    [("EdDSA", {"kty", "crv", "x"}), ("RS256", {"kty", "n", "e"})],
)
def test_jwks_contains_the_public_half_of_a_key_pair(algorithm: str, members: set[str]) -> None:
    current, retired, half = new_key(algorithm), new_key(algorithm), public(new_key(algorithm))
    settings = {"SECRET_KEY": current, "SECRET_KEYS_RETIRED": retired + half}
    answer = published(ALGORITHM=algorithm, **settings)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    found = answer.json["keys"]
    assert len({key["kid"] for key in found}) == 3
    for key, pem in zip(found, (current, retired, half), strict=True):
        assert set(key) == {"kid", "use", "alg", *members}
        assert not set(key) & PRIVATE
        assert (key["use"], key["alg"]) == ("sig", algorithm)
        assert written(jwt.PyJWK(key).key) == (public(pem) if "PRIVATE" in pem else pem)


def test_jwks_lists_a_key_of_both_settings_once() -> None:
    pair = new_key("EdDSA")
    found = published(ALGORITHM="EdDSA", SECRET_KEY=pair, SECRET_KEYS_RETIRED=pair)
    assert len(found.json["keys"]) == 1
