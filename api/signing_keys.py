"""The keys of access tokens: one signs, each of them verifies the tokens that name it."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.utils import base64url_encode

# Each with the bytes that a key has to have (RFC 7518, section 3.2).
HMAC_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
KINDS = {"EdDSA": Ed25519PublicKey, "RS256": RSAPublicKey}
ALGORITHMS = (*HMAC_BYTES, *KINDS)
RSA_BITS = 2048  # at least (RFC 7518, section 3.3)
# What a public key consists of (RFC 7638, section 3.2; RFC 8037, section 2). PyJWT adds more.
MEMBERS = ("crv", "e", "kty", "n", "x")
ADVICE = "make one with: openssl rand -hex 32"

JWK = dict[str, str]  # RFC 7517


@dataclass(frozen=True)
class Key:
    """One key, ready for use; the header parameter `kid` names it.

    signing, verifying: what PyJWT takes; `signing` is None if only the public half is here. jwk:
    what may be published, None for a secret.
    """

    kid: str
    signing: Any = field(repr=False)
    verifying: Any = field(repr=False)
    jwk: JWK | None = None


class Keyring:
    """All keys of one algorithm; the first one signs."""

    def __init__(self, algorithm: str, keys: Iterable[Key]) -> None:
        self.algorithm = algorithm
        self.current, *retired = keys
        self._keys = {key.kid: key for key in (self.current, *retired)}

    def find(self, kid: object) -> Key | None:
        """The key that a header names; a header may hold anything."""
        return self._keys.get(kid) if isinstance(kid, str) else None

    def published(self) -> list[JWK]:
        """The public keys; none with HMAC."""
        return [key.jwk for key in self._keys.values() if key.jwk]


def split(text: str) -> list[str]:
    """Several keys of one setting: PEM one after the other, secrets with commas between them."""
    parts = re.split(r"(?=-----BEGIN )", text) if "-----BEGIN " in text else text.split(",")
    return [part.strip() for part in parts if part.strip()]


def parse(algorithm: str, text: str) -> Key:
    """The key that a setting holds.

    Raises ValueError, which says what is wrong with it and repeats nothing of it.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:  # its text would repeat a part
        raise ValueError("is not UTF-8") from None
    return _secret(algorithm, raw) if algorithm in HMAC_BYTES else _pair(algorithm, raw)


def _secret(algorithm: str, secret: bytes) -> Key:
    if b"-----BEGIN " in secret:
        raise ValueError(f"is a PEM key, and {algorithm} takes a secret ({ADVICE})")
    if len(secret) < HMAC_BYTES[algorithm]:
        raise ValueError(f"is shorter than {HMAC_BYTES[algorithm]} bytes ({ADVICE})")
    try:
        jwt.get_algorithm_by_name(algorithm).prepare_key(secret)
    except jwt.InvalidKeyError:  # keys of other kinds, such as ssh-rsa or a JWK
        raise ValueError(f"is no secret for {algorithm} ({ADVICE})") from None
    # The prefix keeps this apart from any other use of the same secret.
    digest = hashlib.sha256(b"telemedicine access token kid\0" + secret).digest()
    return Key(_base64url(digest[:12]), secret, secret)


def _pair(algorithm: str, pem: bytes) -> Key:
    pem = pem.replace(b"\\n", b"\n")  # one line in .env
    if pem.count(b"-----BEGIN ") != 1:
        raise ValueError(f"is not one PEM key, which {algorithm} takes")
    private: Any = None
    public: Any = None
    try:
        private = load_pem_private_key(pem, None) if b"PRIVATE KEY-----" in pem else None
        public = private.public_key() if private else load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        raise ValueError("is no PEM key that can be read: PKCS#8 without a password") from None
    if not isinstance(public, KINDS[algorithm]):
        raise ValueError(f"is a PEM key of another kind than {algorithm} takes")
    if isinstance(public, RSAPublicKey) and public.key_size < RSA_BITS:
        raise ValueError(f"is an RSA key of less than {RSA_BITS} bits")
    found: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    members = {name: found[name] for name in MEMBERS if name in found}
    # RFC 7638, section 3: without spaces, in this order.
    thumbprint = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    kid = _base64url(hashlib.sha256(thumbprint).digest())
    return Key(kid, private, public, {**members, "kid": kid, "use": "sig", "alg": algorithm})


def _base64url(digest: bytes) -> str:
    return base64url_encode(digest).decode()
