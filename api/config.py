"""Settings, from the environment and, where a variable is not set there, from a `.env` file."""

import base64
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from dotenv import dotenv_values
from flask import current_app
from limits import parse_many
from limits.errors import ConfigurationError
from limits.storage import Storage, storage_from_string
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from api import signing_keys

POOLERS = ("auto", "transaction", "session")
ENVIRONMENTS = ("production", "development", "test")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
IN_MEMORY = "memory://"

# What people leave in a secret that they meant to replace. A secret has to have 24 characters
# of its own besides these words.
WELL_KNOWN_WORDS = (
    *("change", "replace", "please", "secret", "password", "passwort", "passw0rd", "example"),
    *("sample", "default", "demo", "development", "production", "testing", "test", "token"),
    *("telemedicine", "telemed", "clinic", "insecure", "unsafe", "random", "string", "signing"),
    *("supersecret", "super", "your", "key", "jwt", "flask", "django", "admin", "letmein"),
    *("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwerty", "abcdefgh", "openssl", "rand", "hex"),
    *("01234567890", "1234567890", "12345678", "123456", "local", "dev", "with", "this", "here"),
    *("context", "compose", "file", "only"),
)
# Secrets that this repository publishes and that are not made of such words: those of tests, of
# examples and of docker-compose.yml. tests/server/test_config.py finds what is missing here.
PUBLISHED = frozenset({
    "b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef",
    "bf0715e1c8a1e2f84b35c7d2a9960d7e3f1a5b8c4d2e6f709182a3b4c5d6e7f8",
    "f29b7c6e0a5d4183968fbd02e7c1a4530b9e6d7f8c2a1054e3b6c7d890fa1e2d",
    "9Rnaf0zyJT3VtO7kzO9CzEBwXU5aFhSXcTCZuCwVBUg=",
    "ZGV2ZWxvcG1lbnQtb25seS1tZmEta2V5LWNvbXBvc2U=",
    "Y2hhbmdlLW1lLXRoaXMtaXMtbm8tc2VjcmV0LWtleS4=",
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T",
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
})  # fmt: skip
PUBLISHED_PASSWORDS = frozenset({
    "development-only", "hunter2", "password", "secret", "telemedicine-demo",
})  # fmt: skip
FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
SECRET_BITS = 64.0  # far below what chance makes of 32 bytes, far above a pattern
# In connection strings, also of libpq versions newer than ours.
LIBPQ_SECRETS = (
    *("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"),
)


class SettingsError(ValueError):
    """The settings do not allow a start; the text says why in one line."""


def _setting(default: Any, minimum: int = 0, maximum: int = 0, one_of: tuple[str, ...] = ()) -> Any:
    rule = {"minimum": minimum, "maximum": maximum, "one_of": one_of}
    return field(default=default, metadata=rule)


def _rate(default: str) -> Any:
    return field(default=default, metadata={"is_rate": True})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is the environment variable of the same name in capitals; `.env.example` tells
    what each one means."""

    app_env: str = _setting("production", one_of=ENVIRONMENTS)
    database_url: str = field(default="", repr=False)
    database_pooler: str = _setting("auto", one_of=POOLERS)
    database_pool_size: int = _setting(4, 1, 100)
    database_pool_timeout_seconds: int = _setting(1, 1, 60)
    database_answer_timeout_seconds: int = _setting(5, 1, 300)
    dba_database_url: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    context_key: str = field(default="", repr=False)
    secret_keys_retired: str = field(default="", repr=False)
    mfa_keys: str = field(default="", repr=False)
    algorithm: str = _setting("HS256", one_of=signing_keys.ALGORITHMS)
    access_token_expire_minutes: int = _setting(10, 1, 60)
    token_issuer: str = "telemedicine"  # noqa: S105
    token_audience: str = "telemedicine-api"  # noqa: S105
    bcrypt_cost: int = _setting(12, 4, 16)
    bcrypt_concurrency: int = _setting(1, 1, 64)
    rate_limit: str = _rate("6000 per minute")
    rate_limit_auth: str = _rate("300 per minute")
    rate_limit_storage_url: str = field(default=IN_MEMORY, repr=False)
    trusted_proxies: int = _setting(0, 0, 10)
    log_level: str = _setting("INFO", one_of=LOG_LEVELS)
    host: str = "127.0.0.1"
    port: int = _setting(8000, 1, 65535)
    web_concurrency: int = _setting(len(os.sched_getaffinity(0)), 1, 256)
    threads: int = _setting(8, 2, 256)

    @cached_property
    def keyring(self) -> signing_keys.Keyring:
        """The keys of access tokens, read once. ValueError: one of them is none."""
        return signing_keys.Keyring(
            self.algorithm,
            (signing_keys.parse(self.algorithm, text) for _, text in self.named_keys()),
        )

    def named_keys(self) -> Iterator[tuple[str, str]]:
        """Each key as it was written, under the name of its variable; the first one signs."""
        yield "SECRET_KEY", self.secret_key
        for number, text in enumerate(signing_keys.split(self.secret_keys_retired), 1):
            yield f"SECRET_KEYS_RETIRED (key {number})", text

    def without_secrets(self) -> dict[str, str]:
        """Variables and values that may be shown: no key, no password."""
        shown = {name.upper(): str(getattr(self, name)) for name in (f.name for f in fields(self))}
        for name in ("SECRET_KEY", "SECRET_KEYS_RETIRED", "CONTEXT_KEY", "MFA_KEYS"):
            length = len(shown[name].encode(errors="surrogateescape"))
            shown[name] = f"({length} bytes)" if length else ""
        for name in ("DATABASE_URL", "DBA_DATABASE_URL"):
            shown[name] = _without_password(shown[name])
        url = shown["RATE_LIMIT_STORAGE_URL"]
        shown["RATE_LIMIT_STORAGE_URL"] = re.sub("//.*@", "//***@", url).partition("?")[0]
        return shown


def load(environment: Mapping[str, str] | None = None, *, to_serve: bool = True) -> Settings:
    """Settings from `environment` (by default the process's, with `.env` below it).

    With `to_serve`, they also have to be enough, and in production good enough, to serve requests.
    Raises SettingsError, which names everything that is wrong.
    """
    given = from_process() if environment is None else environment
    values: dict[str, Any] = {}
    complaints: list[str] = []
    for setting in fields(Settings):
        text = given.get(setting.name.upper(), "").strip()
        # A rate may be empty, which is not the same as not being there.
        if text or (setting.metadata.get("is_rate") and setting.name.upper() in given):
            try:
                values[setting.name] = _parse(setting, text)
            except ValueError as error:
                complaints.append(f"{setting.name.upper()} {error}")
    settings = Settings(**values)
    if to_serve:
        complaints += _what_is_missing(settings)
    if complaints:
        raise SettingsError("; ".join(complaints))
    return settings


def current() -> Settings:
    """The settings of the application that handles the present request."""
    return cast(Settings, current_app.config["SETTINGS"])


def from_process() -> dict[str, str]:
    """The variables of this process, with those of `.env` below them."""
    # ENV_FILE is not a setting: it says where settings are.
    path = os.environ.get("ENV_FILE") or Path(__file__).resolve().parent.parent / ".env"
    found = dotenv_values(path, interpolate=False)
    from_file = {name: value for name, value in found.items() if value is not None}
    return from_file | os.environ


def _parse(setting: Field[Any], text: str) -> str | int:
    rule = setting.metadata
    if rule.get("is_rate") and text and not _is_rate(text):
        raise ValueError("must be empty or a rate such as 60 per minute")
    if setting.type is not int:
        if rule.get("one_of") and text not in rule["one_of"]:
            raise ValueError(f"must be one of {', '.join(rule['one_of'])}")
        return text
    if not re.fullmatch(r"[0-9]{1,9}", text) or not (
        rule["minimum"] <= int(text) <= rule["maximum"]
    ):
        raise ValueError(f"must be a whole number from {rule['minimum']} to {rule['maximum']}")
    return int(text)


def _is_rate(text: str) -> bool:
    try:
        return all(rate.amount for rate in parse_many(text))
    except ValueError:
        return False


def _is_store(url: str) -> bool:
    try:
        return url == IN_MEMORY or isinstance(storage_from_string(url), Storage)
    except (ConfigurationError, ValueError):
        return False


def _what_is_missing(settings: Settings) -> list[str]:
    complaints = []
    if not settings.database_url:
        complaints.append("DATABASE_URL is missing")
    else:
        try:
            conninfo_to_dict(settings.database_url)
        except ProgrammingError:  # its text would repeat the password
            complaints.append("DATABASE_URL is not a PostgreSQL connection string")
    complaints += published_passwords(settings)
    complaints += _unfit_keys(settings)
    complaints += _unfit_context_key(settings)
    complaints += _unfit_mfa_keys(settings)
    if settings.bcrypt_concurrency > settings.threads // 2:
        complaints.append("BCRYPT_CONCURRENCY must be at most half of THREADS")
    if not _is_store(settings.rate_limit_storage_url):
        complaints.append("RATE_LIMIT_STORAGE_URL is of no kind of store that is installed")
    if settings.app_env == "production" and settings.bcrypt_cost < 10:
        complaints.append("BCRYPT_COST must be at least 10 in production")
    return complaints


def published_passwords(settings: Settings) -> list[str]:
    """What is wrong with connection strings in production: a password that everybody can read."""
    if settings.app_env != "production":
        return []
    urls = {
        "DATABASE_URL": settings.database_url,
        "DBA_DATABASE_URL": settings.dba_database_url,
    }
    return [
        f"{name} has a password that is published"
        for name, url in urls.items()
        if _parts(url).get("password") in PUBLISHED_PASSWORDS
    ]


def _unfit_mfa_keys(settings: Settings) -> list[str]:
    if not settings.mfa_keys:
        return ["MFA_KEYS is missing"]
    advice = "make one with: openssl rand -base64 32 | tr '+/' '-_'"
    for text in settings.mfa_keys.split(","):
        if not FERNET_KEY.fullmatch(text.strip()):
            return [f"MFA_KEYS has a key that is not one of 32 bytes in base64url ({advice})"]
        key = base64.urlsafe_b64decode(text.strip())
        # Bytes that are letters were not made by chance.
        if settings.app_env == "production" and (
            key.isascii() or _bits(key.decode("latin-1")) < SECRET_BITS or text.strip() in PUBLISHED
        ):
            return [f"MFA_KEYS has a key that can be guessed ({advice})"]
    return []


def _unfit_keys(settings: Settings) -> list[str]:
    if not settings.secret_key:
        return ["SECRET_KEY is missing"]
    complaints = []
    for name, text in settings.named_keys():
        try:
            key = signing_keys.parse(settings.algorithm, text)
            if name == "SECRET_KEY" and key.signing is None:
                raise ValueError("is a public key, and only a private one can sign")
            if settings.app_env == "production" and settings.algorithm in signing_keys.HMAC_BYTES:
                _refuse_weak(text)
        except ValueError as error:
            complaints.append(f"{name} {error}")
    return complaints


def _unfit_context_key(settings: Settings) -> list[str]:
    if not settings.context_key:
        return ["CONTEXT_KEY is missing"]
    if len(settings.context_key.encode()) < 32:
        return [f"CONTEXT_KEY is shorter than 32 bytes ({signing_keys.ADVICE})"]
    if settings.app_env == "production":
        try:
            _refuse_weak(settings.context_key)
        except ValueError as error:
            return [f"CONTEXT_KEY {error}"]
    return []


def _refuse_weak(secret: str) -> None:
    if secret in PUBLISHED:
        raise ValueError(f"is published in the source of this project ({signing_keys.ADVICE})")
    rest = secret.lower()
    for word in WELL_KNOWN_WORDS:
        rest = rest.replace(word, "")
    if len(re.sub(r"[\W_]", "", rest)) < 24:
        raise ValueError(f"is made of well-known words ({signing_keys.ADVICE})")
    if _bits(secret) < SECRET_BITS:
        raise ValueError(f"can be guessed: it repeats itself or counts up ({signing_keys.ADVICE})")


def _bits(secret: str) -> float:
    """An upper bound of the secret's entropy in bits.

    Shannon's measure over the characters, once for what is left when the secret's period is taken
    out (secretsecret...) and once for the steps between neighbours (abcdef...).
    """
    period = next(
        (n for n in range(1, len(secret) // 2 + 1) if secret.startswith(secret[n:])), len(secret)
    )
    unit = secret[:period]
    steps = "".join(chr(0x10000 + ord(b) - ord(a)) for a, b in pairwise(unit))
    return min(_shannon(unit), _shannon(steps))


def _shannon(text: str) -> float:
    counts = Counter(text).values()
    return sum(-n * math.log2(n / len(text)) for n in counts) if text else 0.0


def _without_password(url: str) -> str:
    parts = _parts(url)
    if url and not parts:
        return "(not a PostgreSQL connection string)"
    return " ".join(
        f"{key}={'***' if key in LIBPQ_SECRETS else value}" for key, value in parts.items()
    )


def _parts(url: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except ProgrammingError:
        return {}
