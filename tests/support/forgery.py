"""Access tokens that are decoded, changed in one place and encoded again."""

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

HOUR = 3600
HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
OTHER_SECRET = "f29b7c6e0a5d4183968fbd02e7c1a4530b9e6d7f8c2a1054e3b6c7d890fa1e2d"
OTHER_KEYS = {"EdDSA": new_key("EdDSA"), "RS256": new_key("RS256"), "ES256": new_key("ES256")}

Json = dict[str, Any]


def now() -> int:
    return int(time.time())


@dataclass(frozen=True)
class Genuine:
    """A token that the server issued, its algorithm and its signing key."""

    text: str
    algorithm: str
    key: str

    @cached_property
    def parts(self) -> list[str]:
        """Header, claims and signature as they are sent."""
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
        """Changed header parameters, signed with the right key. Ellipsis removes a parameter."""
        return self.sealed(changed(self.header, changes), self.claims)

    def with_claims(self, **changes: Any) -> str:
        """Changed claims, signed with the right key. Ellipsis removes a claim."""
        return self.sealed(self.header, changed(self.claims, changes))

    def sealed(self, header: object, payload: object) -> str:
        """Any header and payload, signed with the right key. Bytes are used as they are."""
        return self.signed_by(self.key, self.algorithm, header, payload)

    def signed_by(
        self, key: str | bytes, algorithm: str, header: object = None, payload: object = None
    ) -> str:
        """Signed with another key, by default with the genuine header and payload."""
        signed = f"{packed(header or self.header)}.{packed(payload or self.claims)}"
        return f"{signed}.{packed(signature(key, algorithm, signed.encode()))}"

    def forged(self, algorithm: str, key: str | bytes, **header: Any) -> str:
        """The same claims with another algorithm and a signature of it."""
        return self.signed_by(key, algorithm, changed(self.header, {"alg": algorithm, **header}))

    def unsigned(self, algorithm: object, seal: str = "") -> str:
        """The same claims with another algorithm, without a valid signature."""
        header = changed(self.header, {"alg": algorithm})
        return f"{packed(header)}.{self.parts[1]}.{seal}"


def changed(found: Json, changes: Json) -> Json:
    return {name: value for name, value in (found | changes).items() if value is not ...}


def packed(value: object) -> str:
    """base64url of bytes, or of the JSON of any other value."""
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def signature(key: str | bytes, algorithm: str, message: bytes) -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    if algorithm in HASHES:  # not PyJWT's, which refuses bad secrets
        return hmac.new(secret, message, HASHES[algorithm]).digest()
    return bytes(jwt.get_algorithm_by_name(algorithm).sign(message, prepared(algorithm, secret)))


@cache
def prepared(algorithm: str, pem: bytes) -> Any:
    """A parsed key, cached because parsing takes much longer than signing."""
    return jwt.get_algorithm_by_name(algorithm).prepare_key(pem)


def twice(text: bytes, name: str, value: object) -> bytes:
    """A JSON object with a duplicate of one name, which comes first and has another value."""
    return b"{" + f"{json.dumps(name)}:{json.dumps(value)},".encode() + text[1:]


def twin_signature(token: str) -> str:
    """Another encoding of the same signature: its last character has unused bits.

    Except for 48 bytes (HS384), which fill 64 characters exactly.
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(token[-1]) ^ 1]
    head, _, sealed = token.rpartition(".")
    return f"{head}.{sealed[:-1]}{last}"


def flipped(genuine: Genuine, byte: int) -> str:
    header, claims, sealed = genuine.parts
    raw = bytearray(unpacked(sealed))
    raw[byte] ^= 1
    return f"{header}.{claims}.{packed(bytes(raw))}"


def own_jwk(algorithm: str) -> Json:
    """The public key of an attacker, as a `jwk` header parameter."""
    key = prepared(algorithm, public(OTHER_KEYS[algorithm]).encode())
    found: Json = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True)
    return found


def published_secrets(genuine: Genuine) -> Iterable[bytes]:
    """A public key in the encodings that a server could mistake for a secret."""
    pem = public(genuine.key) if genuine.algorithm not in HASHES else public(OTHER_KEYS["RS256"])
    jwk = signing_keys.parse("EdDSA" if genuine.algorithm == "EdDSA" else "RS256", pem).jwk
    yield pem.encode()
    yield pem.strip().encode()
    yield pem.replace("\n", "\\n").encode()
    yield base64.b64decode("".join(pem.split("\n")[1:-2]))
    yield json.dumps(jwk).encode()
    yield json.dumps(jwk, separators=(",", ":")).encode()


Attack = Callable[[Genuine], str | bytes]
ATTACKS: dict[str, Attack] = {}


def attacks(subject: str, made: dict[str, Attack]) -> None:
    ATTACKS.update({f"{subject}: {change}": make for change, make in made.items()})


# Each lambda below binds its loop variables as defaults.
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
        "none, the signature stays": lambda g: g.unsigned("none", g.parts[2]),
        "missing": lambda g: g.with_header(alg=...),
        "a list with the right one": lambda g: g.with_header(alg=[g.algorithm]),
        "in small letters": lambda g: g.with_header(alg=g.algorithm.lower()),
        "HS512 with the same key, or HS384": lambda g: g.forged(
            "HS384" if g.algorithm == "HS512" else "HS512", g.key
        ),
        "HS384 with the same key, or HS256": lambda g: g.forged(
            "HS256" if g.algorithm == "HS384" else "HS384", g.key
        ),
        "HS256 with another secret": lambda g: g.forged("HS256", OTHER_SECRET),
        **{
            f"{name} with another key pair": lambda g, name=name: g.forged(name, OTHER_KEYS[name])
            for name in OTHER_KEYS
        },
        **{
            f"HS256 with a public key, {number}": lambda g, number=number: g.forged(
                "HS256", [*published_secrets(g)][number]
            )
            for number in range(6)
        },
        **{
            f"the right one, a signature by {name}": lambda g, name=name: g.signed_by(
                OTHER_KEYS[name], name
            )
            for name in OTHER_KEYS
        },
    },
)
attacks(
    "key in the header",
    {
        **{
            f"jwk of {name}": lambda g, name=name: g.forged(
                name, OTHER_KEYS[name], jwk=own_jwk(name), kid=...
            )
            for name in OTHER_KEYS
        },
        **{
            f"jwk of {name} under our kid": lambda g, name=name: g.forged(
                name, OTHER_KEYS[name], jwk=own_jwk(name)
            )
            for name in OTHER_KEYS
        },
        "jwk with a secret": lambda g: g.forged(
            "HS256", OTHER_SECRET, jwk={"kty": "oct", "k": packed(OTHER_SECRET.encode())}
        ),
        "jku": lambda g: g.forged(
            "RS256", OTHER_KEYS["RS256"], jku="http://127.0.0.1:9/.well-known/jwks.json"
        ),
        "x5u": lambda g: g.forged("RS256", OTHER_KEYS["RS256"], x5u="http://127.0.0.1:9/cert.pem"),
        "x5c": lambda g: g.forged("RS256", OTHER_KEYS["RS256"], x5c=["MIIB"]),
        "x5t": lambda g: g.forged("RS256", OTHER_KEYS["RS256"], **{"x5t#S256": "AAAA"}),
        "jku as kid": lambda g: g.forged("RS256", OTHER_KEYS["RS256"], kid="http://127.0.0.1:9/k"),
        # Refused even on a valid token: our headers have no such parameters.
        **{
            f"{name} on a good token": lambda g, name=name, value=value: g.with_header(
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
        "with swapped case": lambda g: g.with_header(kid=g.header["kid"].swapcase()),
        "with text at the end": lambda g: g.with_header(kid=g.header["kid"] + "\x00"),
        "cut off": lambda g: g.with_header(kid=g.header["kid"][:-1]),
        "/dev/null and an empty key": lambda g: g.signed_by(
            b"", "HS256", {**g.header, "alg": "HS256", "kid": "/dev/null"}
        ),
        "of a removed key": lambda g: g.forged(
            "HS256", OTHER_SECRET, kid=signing_keys.parse("HS256", OTHER_SECRET).kid
        ),
        "of a removed key pair": lambda g: g.forged(
            "EdDSA", OTHER_KEYS["EdDSA"], kid=signing_keys.parse("EdDSA", OTHER_KEYS["EdDSA"]).kid
        ),
        "ours, another key": lambda g: g.forged("HS256", OTHER_SECRET),
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
                "an empty crit": {"crit": []},
                "crit of exp": {"crit": ["exp"], "exp": 2**33},
                "crit of b64": {"crit": ["b64"], "b64": True},
                "a crit that is not a list": {"crit": "b64", "b64": True},
                "b64 true": {"b64": True},
                "b64 false": {"b64": False},
                "b64 false, and crit": {"crit": ["b64"], "b64": False},
                "zip": {"zip": "DEF"},
                "cty": {"cty": "JWT"},
                "enc": {"enc": "A256GCM"},
                "nonce": {"nonce": "1"},
            }.items()
        },
        "b64 false, the payload as it is": lambda g: g.signed_by(
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
                f"{number} in JSON": lambda g, name=_claim, number=number: g.sealed(
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
        "very negative": lambda g: g.with_claims(exp=-(2**63)),
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
        "with text at the end": lambda g: g.with_claims(aud=g.claims["aud"] + " "),
    },
)
attacks(
    "iss",
    {
        "another": lambda g: g.with_claims(iss="https://evil.example"),
        "empty": lambda g: g.with_claims(iss=""),
        "in capitals": lambda g: g.with_claims(iss=g.claims["iss"].upper()),
        "with text at the end": lambda g: g.with_claims(iss=g.claims["iss"] + "/"),
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
            "with a NUL at the end": lambda g, name=_claim: g.with_claims(
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
    "a name twice",
    {
        **{
            f"{name} in the header": lambda g, name=name, value=value: g.sealed(
                twice(unpacked(g.parts[0]), name, value), g.claims
            )
            for name, value in {"alg": "none", "kid": "x", "typ": "JWT"}.items()
        },
        **{
            f"{name} in the header, both right": lambda g, name=name: g.sealed(
                twice(unpacked(g.parts[0]), name, g.header[name]), g.claims
            )
            for name in ("alg", "kid", "typ")
        },
        **{
            f"{name} in the claims": lambda g, name=name, value=value: g.sealed(
                g.header, twice(g.payload, name, value)
            )
            for name, value in {"role": "admin", "exp": 1, "sub": "x", "aud": "x"}.items()
        },
        "further down": lambda g: g.sealed(g.header, g.payload[:-1] + b',"x":{"y":1,"y":2}}'),
        "once with an escape": lambda g: g.sealed(
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
        "null": lambda _: "null",
        "three meaningless parts": lambda _: "a.b.c",
        "very long": lambda _: "x" * 5000,
        "very long parts": lambda _: f"{'x' * 2000}.{'x' * 2000}.{'x' * 2000}",
        "many dots": lambda _: "." * 5000,
        "twice": lambda g: g.text + g.text,
        "twice, with a comma": lambda g: f"{g.text},{g.text}",
        "twice, with the scheme": lambda g: f"{g.text}, Bearer {g.text}",
        "after another one": lambda g: f"a.b.c, Bearer {g.text}",
        "the scheme twice": lambda g: f"Bearer {g.text}",
        "in quotes": lambda g: f'"{g.text}"',
        "in angle brackets": lambda g: f"<{g.text}>",
        "as a parameter": lambda g: f'token="{g.text}"',
        "text after it": lambda g: g.text + "x",
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
        "bytes that are not text": lambda g: b"\xff\xfe" + g.text.encode(),
        "digits of another script": lambda g: (g.text + "\u0663").encode(),
        "letters of another width": lambda g: (g.text[:-1] + "\uff21").encode(),
        "a non-breaking space": lambda g: g.text.encode() + b"\xa0",
    },
)
attacks(
    "JSON",
    {
        **{
            f"{name} as header": lambda g, raw=raw: g.sealed(raw, g.claims)
            for name, raw in {
                "a list": b'["alg"]',
                "a text": b'"alg"',
                "null": b"null",
                "a number": b"7",
                "nothing": b" ",
                "half an object": b'{"alg":',
                "two objects": b"{}{}",
                "bytes that are not text": b'{"alg":"\xff"}',
                "many brackets": b"[" * 3000,
                "many objects": b'{"a":' * 700,
                "many digits": b'{"alg":' + b"9" * 4500 + b"}",
            }.items()
        },
        **{
            f"{name} as claims": lambda g, raw=raw: g.sealed(g.header, raw)
            for name, raw in {
                "a list": b"[]",
                "a text": b'"sub"',
                "null": b"null",
                "true": b"true",
                "nothing": b" ",
                "an empty object": b"{}",
                "half an object": b'{"sub":',
                "not JSON": b"\x00\x01\x02",
                "bytes that are not text": b'{"sub":"\xff"}',
                "many brackets": b"[" * 4000,
                "many objects": b'{"a":' * 1000,
            }.items()
        },
        **{
            f"{encoding} as {part}": lambda g, encoding=encoding, part=part: g.sealed(
                *(
                    json.dumps(value).encode(encoding) if part == name else value
                    for name, value in (("header", g.header), ("claims", g.claims))
                )
            )
            for encoding in ("utf-16", "utf-32-le", "utf-8-sig")
            for part in ("header", "claims")
        },
        "a comment in the claims": lambda g: g.sealed(g.header, b"/**/" + g.payload),
        "claims in single quotes": lambda g: g.sealed(g.header, g.payload.replace(b'"', b"'")),
    },
)
attacks(
    "signature",
    {
        "cut off": lambda g: g.text[:-1],
        "half of it": lambda g: g.text[: -len(g.parts[2]) // 2],
        "one byte of it": lambda g: f"{g.parts[0]}.{g.parts[1]}.{g.parts[2][:2]}",
        "one byte more": lambda g: (
            f"{g.parts[0]}.{g.parts[1]}.{packed(unpacked(g.parts[2]) + b'x')}"
        ),
        **{
            f"a bit of byte {byte}": lambda g, byte=byte: flipped(g, byte)
            for byte in (0, 1, 15, 30, -1)
        },
        "backwards": lambda g: f"{g.parts[0]}.{g.parts[1]}.{g.parts[2][::-1]}",
        "zeros": lambda g: f"{g.parts[0]}.{g.parts[1]}.{packed(bytes(len(unpacked(g.parts[2]))))}",
        "another spelling": lambda g: twin_signature(g.text),
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
        "a token within a token": lambda g: g.sealed({**g.header, "cty": "JWT"}, g.text.encode()),
        "a token as claims": lambda g: g.sealed(g.header, g.text.encode()),
        "a token as a text": lambda g: g.sealed(g.header, g.text),
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
