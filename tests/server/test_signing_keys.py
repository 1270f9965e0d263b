"""Signing keys: how they are read, and their `kid`."""

from __future__ import annotations

import base64
import hashlib
import secrets

import jwt
import pytest

from api import signing_keys
from tests.support.pem import new_key, public, written
from tests.support.server import SECRET


def test_secret_key_has_a_kid_that_does_not_reveal_it() -> None:
    """The `kid` is the same in every version, so that old and new instances agree on it."""
    kid = signing_keys.parse("HS256", SECRET).kid
    assert kid == "XrCeuvz2LR8t50Ja"
    bare = base64.urlsafe_b64encode(hashlib.sha256(SECRET.encode()).digest()).decode()
    assert not bare.startswith(kid)
    assert signing_keys.parse("HS256", SECRET + "x").kid != kid
    assert SECRET not in repr(signing_keys.parse("HS256", SECRET))


# The examples of RFC 8037, section A.3 and RFC 7638, section 3.1.
ED25519 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
RSA = {
    "kty": "RSA",
    "e": "AQAB",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
    "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Qvz"
    "qY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0"
    "fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
}


@pytest.mark.parametrize(
    ("algorithm", "jwk", "thumbprint"),
    [
        ("EdDSA", ED25519, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ("RS256", RSA, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
    ],
)
def test_public_key_has_its_thumbprint_as_kid(
    algorithm: str, jwk: dict[str, str], thumbprint: str
) -> None:
    key = signing_keys.parse(algorithm, written(jwt.PyJWK(jwk, algorithm).key))
    assert key.kid == thumbprint
    assert key.jwk == jwk | {"kid": thumbprint, "use": "sig", "alg": algorithm}
    assert key.signing is None


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
def test_both_halves_of_a_key_pair_have_one_kid(algorithm: str) -> None:
    private = new_key(algorithm)
    whole, half = (
        signing_keys.parse(algorithm, private),
        signing_keys.parse(algorithm, public(private)),
    )
    assert (whole.kid, whole.jwk) == (half.kid, half.jwk)
    assert whole.signing
    assert not half.signing
    assert signing_keys.parse(algorithm, private.replace("\n", "\\n")).kid == whole.kid
    assert signing_keys.parse(algorithm, private.replace("\n", "\r\n")).kid == whole.kid


def test_one_setting_holds_several_keys() -> None:
    first, second = secrets.token_hex(32), secrets.token_hex(32)
    assert signing_keys.split("") == []
    assert signing_keys.split(first) == [first]
    assert signing_keys.split(f" {first}, {second},") == [first, second]
    pair, other = new_key("EdDSA"), public(new_key("EdDSA"))
    found = signing_keys.split((pair + other).replace("\n", "\\n"))
    assert [signing_keys.parse("EdDSA", text).kid for text in found] == [
        signing_keys.parse("EdDSA", text).kid for text in (pair, other)
    ]


def test_first_key_signs_and_every_key_is_found() -> None:
    first, second = (signing_keys.parse("HS256", secrets.token_hex(32)) for _ in range(2))
    ring = signing_keys.Keyring("HS256", [first, second])
    assert ring.current is first
    assert ring.find(first.kid) is first
    assert ring.find(second.kid) is second
    for other in ("", "x", None, 7, [first.kid], {first.kid: 1}, first.kid + "\0"):
        assert ring.find(other) is None
    assert ring.published() == []
