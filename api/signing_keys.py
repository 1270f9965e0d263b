"""Signing keys of access tokens. The current key signs; each key verifies tokens with its `kid`."""

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

# The minimum length of a key in bytes, by algorithm (RFC 7518, section 3.2).
HMAC_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
KINDS = {"EdDSA": Ed25519PublicKey, "RS256": RSAPublicKey}
ALGORITHMS = (*HMAC_BYTES, *KINDS)
RSA_BITS = 2048  # the minimum (RFC 7518, section 3.3)
# The members of a public key (RFC 7638, section 3.2; RFC 8037, section 2). PyJWT adds others.
MEMBERS = ("crv", "e", "kty", "n", "x")
ADVICE = "make one with: openssl rand -hex 32"

JWK = dict[str, str]  # RFC 7517


@dataclass(frozen=True)
class Key:
    """One key. The header parameter `kid` of a token names it.

    signing, verifying: keys for PyJWT; `signing` is None for a public key. jwk: the public key,
    None for a secret.
    """

    kid: str
    signing: Any = field(repr=False)
    verifying: Any = field(repr=False)
    jwk: JWK | None = None


class Keyring:
    """All keys, for one algorithm. The first one signs."""

    def __init__(self, algorithm: str, keys: Iterable[Key]) -> None:
        self.algorithm = algorithm
        self.current, *retired = keys
        self._keys = {key.kid: key for key in (self.current, *retired)}

    def find(self, kid: object) -> Key | None:
        """The key with this `kid`, which may be any JSON value. None if there is none."""
        return self._keys.get(kid) if isinstance(kid, str) else None

    def published(self) -> list[JWK]:
        """The public keys (RFC 7517). Empty with HMAC."""
        return [key.jwk for key in self._keys.values() if key.jwk]


def split(text: str) -> list[str]:
    """The keys of a setting with several: PEM keys in a row, or secrets separated by commas."""
    parts = re.split(r"(?=-----BEGIN )", text) if "-----BEGIN " in text else text.split(",")
    return [part.strip() for part in parts if part.strip()]


def parse(algorithm: str, text: str) -> Key:
    """Parse the key of a setting.

    Raises ValueError with a reason that does not quote the key.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:  # its message would quote the key
        raise ValueError("is not UTF-8") from None
    return _secret(algorithm, raw) if algorithm in HMAC_BYTES else _pair(algorithm, raw)


def _secret(algorithm: str, secret: bytes) -> Key:
    if b"-----BEGIN " in secret:
        raise ValueError(f"is a PEM key, but {algorithm} needs a secret ({ADVICE})")
    if len(secret) < HMAC_BYTES[algorithm]:
        raise ValueError(f"is shorter than {HMAC_BYTES[algorithm]} bytes ({ADVICE})")
    try:
        jwt.get_algorithm_by_name(algorithm).prepare_key(secret)
    except jwt.InvalidKeyError:  # keys of other kinds, such as ssh-rsa or a JWK
        raise ValueError(f"is not a secret for {algorithm} ({ADVICE})") from None
    # With this prefix, the digest differs from any other digest of the same secret.
    digest = hashlib.sha256(b"telemedicine access token kid\0" + secret).digest()
    return Key(_base64url(digest[:12]), secret, secret)


def _pair(algorithm: str, pem: bytes) -> Key:
    pem = pem.replace(b"\\n", b"\n")  # one line in .env
    if pem.count(b"-----BEGIN ") != 1:
        raise ValueError(f"is not one PEM key, but {algorithm} needs one")
    private: Any = None
    public: Any = None
    try:
        private = load_pem_private_key(pem, None) if b"PRIVATE KEY-----" in pem else None
        public = private.public_key() if private else load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        raise ValueError(
            "cannot be read as a PEM key: write it as PKCS#8 without a password"
        ) from None
    if not isinstance(public, KINDS[algorithm]):
        raise ValueError(f"is a PEM key of another kind than {algorithm} needs")
    if isinstance(public, RSAPublicKey) and public.key_size < RSA_BITS:
        raise ValueError(f"is an RSA key of less than {RSA_BITS} bits: make a longer one")
    found: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    members = {name: found[name] for name in MEMBERS if name in found}
    # RFC 7638, section 3: no spaces, members sorted by name.
    thumbprint = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    kid = _base64url(hashlib.sha256(thumbprint).digest())
    return Key(kid, private, public, {**members, "kid": kid, "use": "sig", "alg": algorithm})


def _base64url(digest: bytes) -> str:
    return base64url_encode(digest).decode()
