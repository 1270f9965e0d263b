"""Keys in PEM, generated for every run."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

_NO_PASSWORD = serialization.NoEncryption()


def new_key(algorithm: str, bits: int = 2048) -> str:
    """A private key for EdDSA or RS256, or for Ed448 or ES256, which the API does not accept."""
    makers: dict[str, Any] = {
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
        "RS256": lambda: rsa.generate_private_key(65537, bits),
        "Ed448": ed448.Ed448PrivateKey.generate,
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    }
    return _private(makers[algorithm](), _NO_PASSWORD)


def public(private: str) -> str:
    """The public half of a private key."""
    return written(serialization.load_pem_private_key(private.encode(), None).public_key())


def written(public_key: Any) -> str:
    """A public key of the cryptography package in PEM."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    text: bytes = public_key.public_bytes(serialization.Encoding.PEM, spki)
    return text.decode()


def with_password(private: str, password: str) -> str:
    """The same key, encrypted."""
    key = serialization.load_pem_private_key(private.encode(), None)
    return _private(key, serialization.BestAvailableEncryption(password.encode()))


def _private(key: Any, encryption: serialization.KeySerializationEncryption) -> str:
    pkcs8 = serialization.PrivateFormat.PKCS8
    text: bytes = key.private_bytes(serialization.Encoding.PEM, pkcs8, encryption)
    return text.decode()
