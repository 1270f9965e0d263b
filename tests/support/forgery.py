"""Forged access tokens: a genuine token, changed in one place."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import jwt

from api import signing_keys
from tests.support.pem import new_key, public

HOUR = 3600  # seconds
HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
OTHER_SECRET = "f29b7c6e0a5d4183968fbd02e7c1a4530b9e6d7f8c2a1054e3b6c7d890fa1e2d"
FOREIGN_KEYS = {"EdDSA": new_key("EdDSA"), "RS256": new_key("RS256"), "ES256": new_key("ES256")}

Json = dict[str, Any]


def now() -> int:
    return int(time.time())


@dataclass(frozen=True)
class Genuine:
    """A token that the server has issued, its algorithm and its signing key."""

    text: str
    algorithm: str
    key: str

    @cached_property
    def parts(self) -> list[str]:
        """Header, claims and signature, encoded as in the token."""
        return self.text.split(".")

    @cached_property
    def header(self) -> Json:
        return jwt.get_unverified_header(self.text)

    @cached_property
    def claims(self) -> Json:
        return jwt.decode(self.text, options={"verify_signature": False})

    @cached_property
    def payload(self) -> bytes:
        return unpacked(self.parts[1])

    def with_header(self, **changes: Any) -> str:
        """Header parameters changed, or removed if Ellipsis; signed with the right key."""
        return self.signed(changed(self.header, changes), self.claims)

    def with_claims(self, **changes: Any) -> str:
        """Claims changed, or removed if Ellipsis; signed with the right key."""
        return self.signed(self.header, changed(self.claims, changes))

    def signed(self, header: object, payload: object) -> str:
        """Any header and payload, signed with the right key. Bytes are used unchanged."""
        return self.signed_by(self.key, self.algorithm, header, payload)

    def signed_by(
        self, key: str | bytes, algorithm: str, header: object = None, payload: object = None
    ) -> str:
        """Signed with another key; the default header and claims are the genuine ones."""
        message = f"{packed(header or self.header)}.{packed(payload or self.claims)}"
        return f"{message}.{packed(signature(key, algorithm, message.encode()))}"

    def forged(self, algorithm: str, key: str | bytes, **header: Any) -> str:
        """The same claims with another `alg`, and a signature of that algorithm."""
        return self.signed_by(key, algorithm, changed(self.header, {"alg": algorithm, **header}))

    def unsigned(self, algorithm: object, signature: str = "") -> str:
        """The same claims with another `alg`, and no signature of that algorithm."""
        header = changed(self.header, {"alg": algorithm})
        return f"{packed(header)}.{self.parts[1]}.{signature}"


def changed(found: Json, changes: Json) -> Json:
    return {name: value for name, value in (found | changes).items() if value is not ...}


def packed(value: object) -> str:
    """base64url of bytes, or of the JSON text of any other value."""
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def signature(key: str | bytes, algorithm: str, message: bytes) -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    if algorithm in HASHES:  # PyJWT would refuse weak secrets
        return hmac.new(secret, message, HASHES[algorithm]).digest()
    return bytes(jwt.get_algorithm_by_name(algorithm).sign(message, prepared(algorithm, secret)))


@cache
def prepared(algorithm: str, pem: bytes) -> Any:
    """A key for signing. Cached, because reading a key takes longer than signing."""
    return jwt.get_algorithm_by_name(algorithm).prepare_key(pem)


def with_duplicate(text: bytes, name: str, value: object) -> bytes:
    """A JSON object with a duplicate name, which comes first and has another value."""
    return b"{" + f"{json.dumps(name)}:{json.dumps(value)},".encode() + text[1:]


def twin_signature(token: str) -> str:
    """Another encoding of the same signature: the last character has bits that decoders ignore.

    Not for 48 bytes (HS384), which fill 64 characters exactly: there the signature changes.
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(token[-1]) ^ 1]
    head, _, encoded = token.rpartition(".")
    return f"{head}.{encoded[:-1]}{last}"


def flipped(genuine: Genuine, byte: int) -> str:
    """The token with the last bit of one byte of its signature inverted."""
    header, claims, encoded = genuine.parts
    raw = bytearray(unpacked(encoded))
    raw[byte] ^= 1
    return f"{header}.{claims}.{packed(bytes(raw))}"


def own_jwk(algorithm: str) -> Json:
    """The public key of one of FOREIGN_KEYS, as a header parameter."""
    key = prepared(algorithm, public(FOREIGN_KEYS[algorithm]).encode())
    found: Json = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True)
    return found


def published_secrets(genuine: Genuine) -> Iterable[bytes]:
    """A public key, in the encodings that a server could use as an HMAC secret by mistake."""
    pem = public(genuine.key) if genuine.algorithm not in HASHES else public(FOREIGN_KEYS["RS256"])
    jwk = signing_keys.parse("EdDSA" if genuine.algorithm == "EdDSA" else "RS256", pem).jwk
    yield pem.encode()
    yield pem.strip().encode()
    yield pem.replace("\n", "\\n").encode()
    yield base64.b64decode("".join(pem.split("\n")[1:-2]))
    yield json.dumps(jwk).encode()
    yield json.dumps(jwk, separators=(",", ":")).encode()


Attack = Callable[[Genuine], str | bytes]
ATTACKS: dict[str, Attack] = {}


def attacks(part: str, tokens: dict[str, Attack]) -> None:
    ATTACKS.update({f"{part}: {change}": make for change, make in tokens.items()})


# Each lambda binds its loop variables as defaults.
attacks(
    "algorithm",
    {
        **{
            f"{name!r}, no signature": lambda g, name=name: g.unsigned(name)
            for name in ("none", "None", "NONE", "nOnE", "none ", "", "\x00none", "HS256\x00")
        },
        **{
            f"{name!r}, any signature": lambda g, name=name: g.unsigned(name, "AAAA")
            for name in ("none", "None", "NONE", "", None, 0, True, [], ["none"], {}, ["HS256"])
        },
        "none with the genuine signature": lambda g: g.unsigned("none", g.parts[2]),
        "missing": lambda g: g.with_header(alg=...),
        "a list with the right one": lambda g: g.with_header(alg=[g.algorithm]),
        "in small letters": lambda g: g.with_header(alg=g.algorithm.lower()),
        "HS512 (or HS384) with the same key": lambda g: g.forged(
            "HS384" if g.algorithm == "HS512" else "HS512", g.key
        ),
        "HS384 (or HS256) with the same key": lambda g: g.forged(
            "HS256" if g.algorithm == "HS384" else "HS384", g.key
        ),
        "HS256 with a foreign secret": lambda g: g.forged("HS256", OTHER_SECRET),
        **{
            f"{name} with a foreign key pair": lambda g, name=name: g.forged(
                name, FOREIGN_KEYS[name]
            )
            for name in FOREIGN_KEYS
        },
        **{
            f"HS256 with a public key, {number}": lambda g, number=number: g.forged(
                "HS256", [*published_secrets(g)][number]
            )
            for number in range(6)
        },
        **{
            f"the right one, with a signature of {name}": lambda g, name=name: g.signed_by(
                FOREIGN_KEYS[name], name
            )
            for name in FOREIGN_KEYS
        },
    },
)
attacks(
    "key in the header",
    {
        **{
            f"jwk of {name}": lambda g, name=name: g.forged(
                name, FOREIGN_KEYS[name], jwk=own_jwk(name), kid=...
            )
            for name in FOREIGN_KEYS
        },
        **{
            f"jwk of {name} under our kid": lambda g, name=name: g.forged(
                name, FOREIGN_KEYS[name], jwk=own_jwk(name)
            )
            for name in FOREIGN_KEYS
        },
        "jwk with a secret": lambda g: g.forged(
            "HS256", OTHER_SECRET, jwk={"kty": "oct", "k": packed(OTHER_SECRET.encode())}
        ),
        "jku": lambda g: g.forged(
            "RS256", FOREIGN_KEYS["RS256"], jku="http://127.0.0.1:9/.well-known/jwks.json"
        ),
        "x5u": lambda g: g.forged(
            "RS256", FOREIGN_KEYS["RS256"], x5u="http://127.0.0.1:9/cert.pem"
        ),
        "x5c": lambda g: g.forged("RS256", FOREIGN_KEYS["RS256"], x5c=["MIIB"]),
        "x5t": lambda g: g.forged("RS256", FOREIGN_KEYS["RS256"], **{"x5t#S256": "AAAA"}),
        "jku as kid": lambda g: g.forged(
            "RS256", FOREIGN_KEYS["RS256"], kid="http://127.0.0.1:9/k"
        ),
        # Even on a token that is otherwise valid: genuine headers have none of these parameters.
        **{
            f"{name} on a valid token": lambda g, name=name, value=value: g.with_header(
                **{name: value}
            )
            for name, value in {
                "jwk": {},
                "jku": "http://127.0.0.1:9/",
                "x5u": "http://127.0.0.1:9/",
                "x5c": [],
                "x5t": "",
            }.items()
        },
    },
)
attacks(
    "kid",
    {
        "missing": lambda g: g.with_header(kid=...),
        **{
            repr(kid)[:40]: lambda g, kid=kid: g.with_header(kid=kid)
            for kid in (
                *(None, "", " ", "unknown", 0, 1, True, [], {}, "*", "%", "null", "default"),
                *("../../../../../../dev/null", "/dev/null", "file:///dev/null", "..\\..\\x"),
                *("' or '1'='1", "x' union select 'a", "$(id)", "|id", "\x00", "\ud800", "ü"),
                *("k" * 4000, ["x"] * 400),
            )
        },
        "in a list": lambda g: g.with_header(kid=[g.header["kid"]]),
        "in the other case": lambda g: g.with_header(kid=g.header["kid"].swapcase()),
        "with a suffix": lambda g: g.with_header(kid=g.header["kid"] + "\x00"),
        "truncated": lambda g: g.with_header(kid=g.header["kid"][:-1]),
        "/dev/null and an empty key": lambda g: g.signed_by(
            b"", "HS256", {**g.header, "alg": "HS256", "kid": "/dev/null"}
        ),
        "of an unknown secret": lambda g: g.forged(
            "HS256", OTHER_SECRET, kid=signing_keys.parse("HS256", OTHER_SECRET).kid
        ),
        "of an unknown key pair": lambda g: g.forged(
            "EdDSA",
            FOREIGN_KEYS["EdDSA"],
            kid=signing_keys.parse("EdDSA", FOREIGN_KEYS["EdDSA"]).kid,
        ),
        "genuine, with another key": lambda g: g.forged("HS256", OTHER_SECRET),
    },
)
attacks(
    "secret",
    {
        **{
            repr(secret)[:40]: lambda g, secret=secret: g.forged("HS256", secret)
            for secret in (b"", b"\0" * 32, b"\0" * 64, b"null", b"None", b"secret", b"HS256")
        },
        "the kid": lambda g: g.forged("HS256", g.header["kid"]),
        "the key and a newline": lambda g: g.forged("HS256", g.key + "\n"),
        "a digest of the key": lambda g: g.forged(
            "HS256", hashlib.sha256(g.key.encode()).hexdigest()
        ),
    },
)
attacks(
    "typ",
    {
        "missing": lambda g: g.with_header(typ=...),
        **{
            repr(typ): lambda g, typ=typ: g.with_header(typ=typ)
            for typ in (
                *("JWT", "jwt", "", None, 1, [], ["at+jwt"], "at+jwt ", "at", "refresh", "rt+jwt"),
                *("id+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "jwk-set+json"),
            )
        },
    },
)
attacks(
    "another parameter",
    {
        **{
            name: lambda g, more=more: g.with_header(**more)
            for name, more in {
                "crit, empty": {"crit": []},
                "crit of exp": {"crit": ["exp"], "exp": 2**33},
                "crit of b64": {"crit": ["b64"], "b64": True},
                "crit that is not a list": {"crit": "b64", "b64": True},
                "b64 true": {"b64": True},
                "b64 false": {"b64": False},
                "b64 false, and crit": {"crit": ["b64"], "b64": False},
                "zip": {"zip": "DEF"},
                "cty": {"cty": "JWT"},
                "enc": {"enc": "A256GCM"},
                "nonce": {"nonce": "1"},
            }.items()
        },
        "b64 false, raw payload": lambda g: g.signed_by(
            g.key, g.algorithm, {**g.header, "crit": ["b64"], "b64": False}, b"$.02"
        ),
        "b64 false, no payload": lambda g: (
            f"{packed({**g.header, 'crit': ['b64'], 'b64': False})}..{g.parts[2]}"
        ),
    },
)
for _claim in ("iss", "aud", "exp", "iat", "sub", "jti", "role", "sid"):
    attacks(
        _claim,
        {
            "missing": lambda g, name=_claim: g.with_claims(**{name: ...}),
            "null": lambda g, name=_claim: g.with_claims(**{name: None}),
            "a list with the right one": lambda g, name=_claim: g.with_claims(
                **{name: [g.claims[name]]}
            ),
            "an object": lambda g, name=_claim: g.with_claims(**{name: {"": g.claims[name]}}),
            "true": lambda g, name=_claim: g.with_claims(**{name: True}),
            "false": lambda g, name=_claim: g.with_claims(**{name: False}),
        },
    )
for _claim in ("exp", "iat", "nbf"):
    attacks(
        _claim,
        {
            "text": lambda g, name=_claim: g.with_claims(**{name: str(g.claims["exp"])}),
            "not a number": lambda g, name=_claim: g.with_claims(**{name: "tomorrow"}),
            **{
                f"{number} in JSON": lambda g, name=_claim, number=number: g.signed(
                    g.header,
                    json.dumps(changed(g.claims, {name: "@"})).replace('"@"', number).encode(),
                )
                for number in (
                    *("1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1e30", "1.5", "0x7f"),
                    *("9" * 5000, "+1", "01", "1_000"),
                )
            },
        },
    )
attacks(
    "exp",
    {
        "an hour ago": lambda g: g.with_claims(exp=now() - HOUR),
        "31 seconds ago": lambda g: g.with_claims(exp=now() - 31),
        "0": lambda g: g.with_claims(exp=0),
        "negative": lambda g: g.with_claims(exp=-1),
        "the smallest 64-bit integer": lambda g: g.with_claims(exp=-(2**63)),
    },
)
attacks(
    "from the future",
    {
        **{
            f"{name} in {hours} hours": lambda g, name=name, hours=hours: g.with_claims(
                **{name: now() + hours * HOUR, "exp": now() + 2 * hours * HOUR}
            )
            for name in ("iat", "nbf")
            for hours in (1, 24, 10**9)
        },
        "nbf true": lambda g: g.with_claims(nbf=True),
        "nbf null": lambda g: g.with_claims(nbf=None),
    },
)
attacks(
    "aud",
    {
        "another": lambda g: g.with_claims(aud="another-api"),
        "ours and another": lambda g: g.with_claims(aud=[g.claims["aud"], "another-api"]),
        "an empty list": lambda g: g.with_claims(aud=[]),
        "empty": lambda g: g.with_claims(aud=""),
        "the issuer": lambda g: g.with_claims(aud=g.claims["iss"]),
        "with a suffix": lambda g: g.with_claims(aud=g.claims["aud"] + " "),
    },
)
attacks(
    "iss",
    {
        "another": lambda g: g.with_claims(iss="https://evil.example"),
        "empty": lambda g: g.with_claims(iss=""),
        "in capitals": lambda g: g.with_claims(iss=g.claims["iss"].upper()),
        "with a suffix": lambda g: g.with_claims(iss=g.claims["iss"] + "/"),
    },
)
for _claim in ("sub", "sid"):
    attacks(
        _claim,
        {
            repr(value)[:40]: lambda g, name=_claim, value=value: g.with_claims(**{name: value})
            for value in (
                *("me", "", 7, -1, 1.5, "' or true --", "\x00", "\ud800", "x" * 2000),
                *("00000000000040008000000000000000", "{00000000-0000-4000-8000-000000000000}"),
                "urn:uuid:00000000-0000-4000-8000-000000000000",
            )
        },
    )
    attacks(
        _claim,
        {
            "in capitals": lambda g, name=_claim: g.with_claims(**{name: g.claims[name].upper()}),
            "with a NUL after it": lambda g, name=_claim: g.with_claims(
                **{name: g.claims[name] + "\x00"}
            ),
        },
    )
attacks(
    "role",
    {
        repr(role): lambda g, role=role: g.with_claims(role=role)
        for role in ("root", "", "Patient", "ADMIN", " patient", "patient,admin", 0, ["admin"])
    },
)
attacks("jti", {"a number": lambda g: g.with_claims(jti=7)})
attacks(
    "duplicate name",
    {
        **{
            f"{name} in the header": lambda g, name=name, value=value: g.signed(
                with_duplicate(unpacked(g.parts[0]), name, value), g.claims
            )
            for name, value in {"alg": "none", "kid": "x", "typ": "JWT"}.items()
        },
        **{
            f"{name} in the header, both right": lambda g, name=name: g.signed(
                with_duplicate(unpacked(g.parts[0]), name, g.header[name]), g.claims
            )
            for name in ("alg", "kid", "typ")
        },
        **{
            f"{name} in the claims": lambda g, name=name, value=value: g.signed(
                g.header, with_duplicate(g.payload, name, value)
            )
            for name, value in {"role": "admin", "exp": 1, "sub": "x", "aud": "x"}.items()
        },
        "in a nested object": lambda g: g.signed(g.header, g.payload[:-1] + b',"x":{"y":1,"y":2}}'),
        "with an escape sequence": lambda g: g.signed(
            g.header, g.payload[:-1] + b',"r\\u006fle":"admin"}'
        ),
    },
)
attacks(
    "shape",
    {
        "one part": lambda g: g.parts[0],
        "two parts": lambda g: ".".join(g.parts[:2]),
        "the last two parts": lambda g: ".".join(g.parts[1:]),
        "no dots": lambda g: "".join(g.parts),
        "dots only": lambda _: "..",
        "no signature": lambda g: f"{g.parts[0]}.{g.parts[1]}.",
        "no header": lambda g: f".{g.parts[1]}.{g.parts[2]}",
        "no claims": lambda g: f"{g.parts[0]}..{g.parts[2]}",
        "a fourth part": lambda g: g.text + ".AAAA",
        "a fourth part that is empty": lambda g: g.text + ".",
        "a dot before it": lambda g: "." + g.text,
        "the text null": lambda _: "null",
        "three short parts": lambda _: "a.b.c",
        "long": lambda _: "x" * 5000,
        "long parts": lambda _: f"{'x' * 2000}.{'x' * 2000}.{'x' * 2000}",
        "many dots": lambda _: "." * 5000,
        "twice": lambda g: g.text + g.text,
        "twice, with a comma": lambda g: f"{g.text},{g.text}",
        "twice, with the scheme": lambda g: f"{g.text}, Bearer {g.text}",
        "after another one": lambda g: f"a.b.c, Bearer {g.text}",
        "the scheme twice": lambda g: f"Bearer {g.text}",
        "in quotes": lambda g: f'"{g.text}"',
        "in angle brackets": lambda g: f"<{g.text}>",
        "as a parameter": lambda g: f'token="{g.text}"',
        "a suffix": lambda g: g.text + "x",
        "a parameter after it": lambda g: g.text + ";x=1",
        "words after it": lambda g: g.text + " or else",
        "a comma after it": lambda g: g.text + ",",
        "two spaces before it": lambda g: " " + g.text,
        "a tab before it": lambda g: "\t" + g.text,
        "a space within": lambda g: g.text.replace(".", " .", 1),
        "a tab within": lambda g: g.text.replace(".", "\t.", 1),
        "a space in the signature": lambda g: g.text[:-5] + " " + g.text[-5:],
        "percent signs": lambda g: g.text.replace(".", "%2E"),
        "padding": lambda g: g.text + "=",
        "more padding": lambda g: g.text + "==",
        "padding of the header": lambda g: (
            packed(unpacked(g.parts[0]) + b" ") + "==." + ".".join(g.parts[1:])
        ),
        "not base64": lambda g: g.text.replace(".", ".!", 1),
        "a length that base64 cannot have": lambda g: f"AAAAA.{g.parts[1]}.{g.parts[2]}",
        "JSON serialization": lambda g: json.dumps(
            dict(zip(("protected", "payload", "signature"), g.parts, strict=True))
        ),
        "an umlaut": lambda g: (g.text + "ü").encode(),
        "an umlaut in Latin-1": lambda g: g.text.encode() + b"\xfc",
        "an umlaut alone": lambda _: "ü".encode(),
        "bytes that are not UTF-8": lambda g: b"\xff\xfe" + g.text.encode(),
        "a digit of another script": lambda g: (g.text + "\u0663").encode(),
        "a full-width letter": lambda g: (g.text[:-1] + "\uff21").encode(),
        "a non-breaking space": lambda g: g.text.encode() + b"\xa0",
    },
)
attacks(
    "JSON",
    {
        **{
            f"{name} as header": lambda g, raw=raw: g.signed(raw, g.claims)
            for name, raw in {
                "a list": b'["alg"]',
                "a text": b'"alg"',
                "null": b"null",
                "a number": b"7",
                "a space": b" ",
                "half an object": b'{"alg":',
                "two objects": b"{}{}",
                "bytes that are not UTF-8": b'{"alg":"\xff"}',
                "many brackets": b"[" * 3000,
                "many objects": b'{"a":' * 700,
                "many digits": b'{"alg":' + b"9" * 4500 + b"}",
            }.items()
        },
        **{
            f"{name} as claims": lambda g, raw=raw: g.signed(g.header, raw)
            for name, raw in {
                "a list": b"[]",
                "a text": b'"sub"',
                "null": b"null",
                "true": b"true",
                "a space": b" ",
                "an empty object": b"{}",
                "half an object": b'{"sub":',
                "not JSON": b"\x00\x01\x02",
                "bytes that are not UTF-8": b'{"sub":"\xff"}',
                "many brackets": b"[" * 4000,
                "many objects": b'{"a":' * 1000,
            }.items()
        },
        **{
            f"{encoding} as {part}": lambda g, encoding=encoding, part=part: g.signed(
                *(
                    json.dumps(value).encode(encoding) if part == name else value
                    for name, value in (("header", g.header), ("claims", g.claims))
                )
            )
            for encoding in ("utf-16", "utf-32-le", "utf-8-sig")
            for part in ("header", "claims")
        },
        "a comment in the claims": lambda g: g.signed(g.header, b"/**/" + g.payload),
        "claims in single quotes": lambda g: g.signed(g.header, g.payload.replace(b'"', b"'")),
    },
)
attacks(
    "signature",
    {
        "truncated": lambda g: g.text[:-1],
        "half": lambda g: g.text[: -len(g.parts[2]) // 2],
        "one byte": lambda g: f"{g.parts[0]}.{g.parts[1]}.{g.parts[2][:2]}",
        "one byte more": lambda g: (
            f"{g.parts[0]}.{g.parts[1]}.{packed(unpacked(g.parts[2]) + b'x')}"
        ),
        **{
            f"one bit of byte {byte} inverted": lambda g, byte=byte: flipped(g, byte)
            for byte in (0, 1, 15, 30, -1)
        },
        "reversed": lambda g: f"{g.parts[0]}.{g.parts[1]}.{g.parts[2][::-1]}",
        "zeros": lambda g: f"{g.parts[0]}.{g.parts[1]}.{packed(bytes(len(unpacked(g.parts[2]))))}",
        "another encoding": lambda g: twin_signature(g.text),
        "in hexadecimal": lambda g: f"{g.parts[0]}.{g.parts[1]}.{unpacked(g.parts[2]).hex()}",
        "of the claims only": lambda g: (
            f"{g.parts[0]}.{g.parts[1]}.{packed(signature(g.key, g.algorithm, g.payload))}"
        ),
        "of other claims": lambda g: (
            f"{g.parts[0]}.{packed({**g.claims, 'role': 'admin'})}.{g.parts[2]}"
        ),
        "of another header": lambda g: (
            f"{packed({**g.header, 'typ': 'at+jwt', 'x': 1})}.{g.parts[1]}.{g.parts[2]}"
        ),
        "the same claims with a space": lambda g: (
            f"{g.parts[0]}.{packed(g.payload.replace(b':', b': ', 1))}.{g.parts[2]}"
        ),
    },
)
attacks(
    "something else",
    {
        "a token within a token": lambda g: g.signed({**g.header, "cty": "JWT"}, g.text.encode()),
        "a token as claims": lambda g: g.signed(g.header, g.text.encode()),
        "a token as a text": lambda g: g.signed(g.header, g.text),
        "five parts (JWE)": lambda g: ".".join(
            (
                packed({"alg": "dir", "enc": "A256GCM", "cty": "JWT", "kid": g.header["kid"]}),
                *("", packed(b"\0" * 12), g.parts[1], packed(b"\0" * 16)),
            )
        ),
        "five parts, all filled (JWE)": lambda g: ".".join(
            (packed({"alg": "RSA-OAEP", "enc": "A256GCM"}), *["AAAA"] * 4)
        ),
        "PASETO": lambda g: f"v4.public.{g.parts[1]}",
        "an API key": lambda _: "sk_live_51H8",
        "user and password": lambda _: "dXNlcjpwYXNz",
    },
)
