"""Settings, from the environment and, where a variable is not set there, from a `.env` file."""

import base64
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from dotenv import dotenv_values
from flask import current_app
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

# Each with the bytes that a key has to have (RFC 7518, section 3.2).
ALGORITHMS = {"HS256": 32, "HS384": 48, "HS512": 64}
ENVIRONMENTS = ("production", "development", "test")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

# What people leave in a secret that they meant to replace. A secret has to have 24 characters
# of its own besides these words.
WELL_KNOWN_WORDS = (
    *("change", "replace", "please", "secret", "password", "passwort", "passw0rd", "example"),
    *("sample", "default", "demo", "development", "production", "testing", "test", "token"),
    *("telemedicine", "telemed", "clinic", "insecure", "unsafe", "random", "string", "signing"),
    *("supersecret", "super", "your", "key", "jwt", "flask", "django", "admin", "letmein"),
    *("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwerty", "abcdefgh", "openssl", "rand", "hex"),
    *("01234567890", "1234567890", "12345678", "123456", "local", "dev", "with", "this", "here"),
)
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


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is the environment variable of the same name in capitals; `.env.example` tells
    what each one means."""

    app_env: str = _setting("production", one_of=ENVIRONMENTS)
    database_url: str = field(default="", repr=False)
    database_pool_size: int = _setting(4, 1, 100)
    database_pool_timeout_seconds: int = _setting(1, 1, 60)
    database_answer_timeout_seconds: int = _setting(5, 1, 300)
    dba_database_url: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    context_key: str = field(default="", repr=False)
    mfa_keys: str = field(default="", repr=False)
    algorithm: str = _setting("HS256", one_of=tuple(ALGORITHMS))
    access_token_expire_minutes: int = _setting(10, 1, 60)
    token_issuer: str = "telemedicine"  # noqa: S105
    token_audience: str = "telemedicine-api"  # noqa: S105
    bcrypt_cost: int = _setting(12, 4, 16)
    bcrypt_concurrency: int = _setting(1, 1, 64)
    log_level: str = _setting("INFO", one_of=LOG_LEVELS)
    host: str = "127.0.0.1"
    port: int = _setting(8000, 1, 65535)
    web_concurrency: int = _setting(len(os.sched_getaffinity(0)), 1, 256)
    threads: int = _setting(8, 2, 256)

    def without_secrets(self) -> dict[str, str]:
        """Variables and values that may be shown: no key, no password."""
        shown = {name.upper(): str(getattr(self, name)) for name in (f.name for f in fields(self))}
        for name in ("SECRET_KEY", "CONTEXT_KEY", "MFA_KEYS"):
            shown[name] = f"({len(shown[name].encode())} bytes)" if shown[name] else ""
        for name in ("DATABASE_URL", "DBA_DATABASE_URL"):
            shown[name] = _without_password(shown[name])
        return shown


def load(environment: Mapping[str, str] | None = None, *, to_serve: bool = True) -> Settings:
    """Settings from `environment` (by default the process's, with `.env` below it).

    With `to_serve`, they also have to be enough, and in production good enough, to serve requests.
    Raises SettingsError, which names everything that is wrong.
    """
    given = _from_process() if environment is None else environment
    values: dict[str, Any] = {}
    complaints: list[str] = []
    for setting in fields(Settings):
        text = given.get(setting.name.upper(), "").strip()
        if text:
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


def _from_process() -> dict[str, str]:
    # ENV_FILE is not a setting: it says where settings are.
    path = os.environ.get("ENV_FILE") or Path(__file__).resolve().parent.parent / ".env"
    found = dotenv_values(path, interpolate=False)
    from_file = {name: value for name, value in found.items() if value is not None}
    return from_file | os.environ


def _parse(setting: Field[Any], text: str) -> str | int:
    rule = setting.metadata
    if setting.type is not int:
        if rule.get("one_of") and text not in rule["one_of"]:
            raise ValueError(f"must be one of {', '.join(rule['one_of'])}")
        return text
    if not re.fullmatch(r"[0-9]{1,9}", text) or not (
        rule["minimum"] <= int(text) <= rule["maximum"]
    ):
        raise ValueError(f"must be a whole number from {rule['minimum']} to {rule['maximum']}")
    return int(text)


def _what_is_missing(settings: Settings) -> list[str]:
    complaints = []
    if not settings.database_url:
        complaints.append("DATABASE_URL is missing")
    else:
        try:
            conninfo_to_dict(settings.database_url)
        except ProgrammingError:  # its text would repeat the password
            complaints.append("DATABASE_URL is not a PostgreSQL connection string")
    if not settings.secret_key:
        complaints.append("SECRET_KEY is missing")
    if not settings.context_key:
        complaints.append("CONTEXT_KEY is missing")
    elif len(settings.context_key.encode()) < 32:
        complaints.append("CONTEXT_KEY is shorter than 32 bytes")
    complaints += _unfit_mfa_keys(settings)
    if settings.bcrypt_concurrency > settings.threads // 2:
        complaints.append("BCRYPT_CONCURRENCY must be at most half of THREADS")
    if settings.app_env == "production":
        if settings.secret_key:
            complaints += _weaknesses(settings.secret_key, ALGORITHMS[settings.algorithm])
        if settings.context_key:
            complaints += _weaknesses(settings.context_key, 32, "CONTEXT_KEY")
        if settings.bcrypt_cost < 10:
            complaints.append("BCRYPT_COST must be at least 10 in production")
    return complaints


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
            key.isascii() or _bits(key.decode("latin-1")) < SECRET_BITS
        ):
            return [f"MFA_KEYS has a key that can be guessed ({advice})"]
    return []


def _weaknesses(secret: str, least: int, name: str = "SECRET_KEY") -> list[str]:
    advice = "make one with: openssl rand -hex 32"
    if len(secret.encode()) < least:
        return [f"{name} is shorter than {least} bytes ({advice})"]
    rest = secret.lower()
    for word in WELL_KNOWN_WORDS:
        rest = rest.replace(word, "")
    if len(re.sub(r"[\W_]", "", rest)) < 24:
        return [f"{name} is made of well-known words ({advice})"]
    if _bits(secret) < SECRET_BITS:
        return [f"{name} can be guessed: it repeats itself or counts up ({advice})"]
    return []


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
    if not url:
        return ""
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        return "(not a PostgreSQL connection string)"
    return " ".join(
        f"{key}={'***' if key in LIBPQ_SECRETS else value}" for key, value in parts.items()
    )
