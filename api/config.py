"""Settings, from environment variables and from the file `.env`."""

import base64
import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from email.utils import parseaddr
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from dotenv import dotenv_values
from environs import Env, EnvValidationError
from flask import current_app
from limits import parse_many
from limits.errors import ConfigurationError
from limits.storage import Storage, storage_from_string
from marshmallow import ValidationError, validate
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from api import clinic_files, password_strength, present, public_addresses, signing_keys
from api.fields import Digits

IN_MEMORY = "memory://"

# Words that people leave in a secret that they meant to replace. A secret needs 24 letters and
# digits besides them.
PLACEHOLDERS = (
    *("change", "replace", "please", "secret", "password", "passwort", "passw0rd", "example"),
    *("sample", "default", "demo", "development", "production", "testing", "test", "token"),
    *("telemedicine", "telemed", "clinic", "insecure", "unsafe", "random", "string", "signing"),
    *("supersecret", "super", "your", "key", "jwt", "flask", "django", "admin", "letmein"),
    *("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwerty", "abcdefgh", "openssl", "rand", "hex"),
    *("01234567890", "1234567890", "12345678", "123456", "local", "dev", "with", "this", "here"),
    *("context", "compose", "file", "only"),
)
# 66 bits, by the count of zxcvbn: of 3000 secrets of 16 random bytes in hex, the weakest has 10^24.
SECRET_GUESSES = 10**20
# Strong secrets that this repository publishes, in tests, examples and docker-compose.yml. A test
# finds a secret that is missing here.
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
    "c600c386110ed3739fff5e6c41e38311191cfefc2d6de0f545ae357b329d8332",
})  # fmt: skip
PUBLISHED_PASSWORDS = frozenset({
    "development-only", "hunter2", "password", "secret", "telemedicine-demo",
})  # fmt: skip
FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
# As a browser writes it in the header Origin: in lower case, without a path or a wildcard.
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?")
# The address of this API: HTTPS or, on a computer of its own, HTTP; a path may be in front of /v1.
ADDRESS = re.compile(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*")
SECRETS = (
    *("SECRET_KEY", "SECRET_KEYS_RETIRED", "CONTEXT_KEY", "MFA_KEYS"),
    *("LIVEKIT_API_SECRET", "JITSI_SECRET", "SMS_TOKEN", "METRICS_TOKEN"),
)
MAY_BE_BLANK = ("RATE_LIMIT", "RATE_LIMIT_AUTH")  # no limit
# What each video service needs: its address, its name of the clinic, the secret of both.
VIDEO_SETTINGS = {
    "livekit": ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"),
    "jitsi": ("JITSI_URL", "JITSI_APP_ID", "JITSI_SECRET"),
}
# Its scheme, in production and elsewhere, and an example of its address.
VIDEO_ADDRESSES = {
    "livekit": ("wss", "ws", "wss://video.example.com"),
    "jitsi": ("https", "http", "https://meet.example.com"),
}
SMTP_URL = (
    "must be empty, smtps://user:password@host, smtp://user:password@host (STARTTLS), or"
    " smtp+plaintext://localhost"
)
HOST = re.compile(r"://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?")
# Hosts to which nothing leaves this machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Secrets of connection strings, also those of newer versions of libpq.
LIBPQ_SECRETS = (
    *("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"),
)


class SettingsError(ValueError):
    """The settings do not allow a start. The text is one line and names every wrong variable."""


def _one_of(default: str, *others: str) -> Any:
    choices = (default, *others)
    error = f"must be one of {', '.join(choices)}"
    return field(default=default, metadata={"validate": validate.OneOf(choices, error=error)})


def _whole(default: int, minimum: int, maximum: int) -> Any:
    error = f"must be a whole number from {minimum} to {maximum}"
    within = validate.Range(minimum, maximum, error=error)
    rules = {"validate": within, "error_messages": {"invalid": error}}
    return field(default=default, metadata=rules)


def _rate(default: str) -> Any:
    return field(default=default, metadata={"validate": _require_rate})


def _require_rate(text: str) -> None:
    try:
        valid = not text or all(rate.amount for rate in parse_many(text))
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError("must be empty or a rate such as 60 per minute")


def _require_origins(text: str) -> None:
    if not all(ORIGIN.fullmatch(origin) for origin in _split(text)):
        raise ValidationError(
            "must be empty or origins such as https://app.example.com, separated by commas"
        )


def _require_address(text: str) -> None:
    if text and not ADDRESS.fullmatch(text):
        raise ValidationError(
            "must be empty or an address such as https://api.example.com, without a / at the end"
        )


def _require_smtp_url(text: str) -> None:
    with contextlib.suppress(ValueError):  # of a port that is no number
        url = urlsplit(text)
        known = url.scheme in ("smtps", "smtp", "smtp+plaintext")
        if not text or (known and url.hostname and url.port != 0):
            return
    raise ValidationError(SMTP_URL)


def _require_sender(text: str) -> None:
    name, address = parseaddr(text)
    if not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", address) or not (name + address).isprintable():
        raise ValidationError("must be a sender such as Clinic <no-reply@clinic.example>")


def _require_web_url(text: str) -> None:
    with contextlib.suppress(ValueError):
        url = urlsplit(text)
        is_local = url.scheme == "http" and url.hostname in LOOPBACK
        if not text or ((url.scheme == "https" or is_local) and url.hostname and url.port != 0):
            return
    raise ValidationError("must be empty or an address that begins with https://")


def _require_hosts(text: str) -> None:
    try:
        public_addresses.parse(_split(text))
    except ValueError:
        raise ValidationError(
            "must be empty or host names, addresses and networks such as 10.1.0.0/16, separated by"
            " commas"
        ) from None


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process. `.env.example` explains each of them.

    A field is the environment variable with the same name in capitals.
    """

    app_env: str = _one_of("production", "development", "test")
    clinics: str = ""
    clinic: str = ""
    database_url: str = field(default="", repr=False)
    database_pooler: str = _one_of("auto", "transaction", "session")
    database_pool_size: int = _whole(4, 1, 100)
    database_pool_timeout_seconds: int = _whole(1, 1, 60)
    database_answer_timeout_seconds: int = _whole(5, 1, 300)
    database_replica_url: str = field(default="", repr=False)
    database_replica_lag_seconds: int = _whole(30, 1, 3600)
    database_replica_timeout_seconds: int = _whole(1, 1, 60)
    dba_database_url: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    context_key: str = field(default="", repr=False)
    secret_keys_retired: str = field(default="", repr=False)
    mfa_keys: str = field(default="", repr=False)
    algorithm: str = _one_of(*signing_keys.ALGORITHMS)
    access_token_expire_minutes: int = _whole(10, 1, 60)
    token_issuer: str = "telemedicine"  # noqa: S105
    token_audience: str = "telemedicine-api"  # noqa: S105
    bcrypt_cost: int = _whole(12, 4, 16)
    bcrypt_concurrency: int = _whole(1, 1, 64)
    rate_limit: str = _rate("6000 per minute")
    rate_limit_auth: str = _rate("300 per minute")
    rate_limit_storage_url: str = field(default=IN_MEMORY, repr=False)
    trusted_proxies: int = _whole(0, 0, 10)
    cors_allowed_origins: str = field(default="", metadata={"validate": _require_origins})
    video_provider: str = _one_of("none", *VIDEO_SETTINGS)
    video_token_minutes: int = _whole(10, 1, 60)
    livekit_url: str = ""
    livekit_api_key: str = ""
    livekit_api_secret: str = field(default="", repr=False)
    livekit_web_url: str = field(default="", metadata={"validate": _require_address})
    jitsi_url: str = ""
    jitsi_app_id: str = ""
    jitsi_secret: str = field(default="", repr=False)
    webhook_allowed_hosts: str = field(default="", metadata={"validate": _require_hosts})
    documentation: str = _one_of("auto", "public", "none")
    console: str = _one_of("on", "off")
    metrics_token: str = field(default="", repr=False)
    log_level: str = _one_of("INFO", "DEBUG", "WARNING", "ERROR")
    public_url: str = field(default="", metadata={"validate": _require_address})
    host: str = "127.0.0.1"
    port: int = _whole(8000, 1, 65535)
    web_concurrency: int = _whole(len(os.sched_getaffinity(0)), 1, 256)
    threads: int = _whole(8, 2, 256)
    worker_database_url: str = field(default="", repr=False)
    worker_concurrency: int = _whole(4, 1, 64)
    worker_lease_seconds: int = _whole(30, 3, 600)
    worker_metrics_port: int = _whole(0, 0, 65535)
    worker_heartbeat_file: str = ""
    audit_seals_folder: str = ""
    smtp_url: str = field(default="", repr=False, metadata={"validate": _require_smtp_url})
    smtp_timeout_seconds: int = _whole(10, 1, 15)
    webhook_timeout_seconds: int = _whole(15, 1, 30)
    purge_after_days: int = _whole(90, 30, 3650)
    mail_from: str = field(
        default="Telemedicine <telemedicine@localhost>", metadata={"validate": _require_sender}
    )
    mail_folder: str = ".local/mail"
    web_url: str = field(default="", metadata={"validate": _require_web_url})
    sms_url: str = field(default="", repr=False, metadata={"validate": _require_web_url})
    sms_token: str = field(default="", repr=False)

    # By identity: what is remembered for some settings is never taken for that of others.
    __hash__ = object.__hash__

    @cached_property
    def keyring(self) -> signing_keys.Keyring:
        """The keys of access tokens, parsed once. Raises ValueError if one cannot be parsed."""
        return signing_keys.Keyring(
            self.algorithm,
            (signing_keys.parse(self.algorithm, text) for _, text in self.named_keys()),
        )

    @property
    def origins(self) -> list[str]:
        """The origins whose pages may send requests, as a browser writes them."""
        return _split(self.cors_allowed_origins)

    @property
    def address(self) -> str:
        """The address of the API as clients write it, without a / at the end."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def mail_address(self) -> str:
        """The address of MAIL_FROM, without the name."""
        return parseaddr(self.mail_from)[1]

    @property
    def is_documented(self) -> bool:
        """Whether everybody gets the documentation and the OpenAPI document."""
        return self.documentation == "public" or (
            self.documentation == "auto" and self.app_env != "production"
        )

    @cached_property
    def webhook_exceptions(self) -> public_addresses.Exceptions:
        """What webhooks may reach besides the addresses of the internet."""
        return public_addresses.parse(_split(self.webhook_allowed_hosts))

    def named_keys(self) -> Iterator[tuple[str, str]]:
        """(variable, text) of each signing key, the current one first."""
        yield "SECRET_KEY", self.secret_key
        for number, text in enumerate(signing_keys.split(self.secret_keys_retired), 1):
            yield f"SECRET_KEYS_RETIRED (key {number})", text

    def without_secrets(self) -> dict[str, str]:
        """Each variable with a value that may be shown: no key, no password."""
        shown = {name.upper(): str(getattr(self, name)) for name in (f.name for f in fields(self))}
        for name in SECRETS:
            length = len(shown[name].encode(errors="surrogateescape"))
            shown[name] = f"({length} bytes)" if length else ""
        for name in (
            *("DATABASE_URL", "DATABASE_REPLICA_URL", "DBA_DATABASE_URL", "WORKER_DATABASE_URL"),
        ):
            shown[name] = _without_password(shown[name])
        for name in ("RATE_LIMIT_STORAGE_URL", "SMTP_URL", "SMS_URL"):
            shown[name] = re.sub("//.*@", "//***@", shown[name]).partition("?")[0]
        return shown


class _Variables(Env):
    """Reads variables from a mapping, where environs reads the process's environment.

    A blank variable counts as absent, unless blank is a value of its setting.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self.add_parser_from_field("whole", Digits)
        self._variables = {
            name: text
            for name, value in variables.items()
            if (text := value.strip()) or name in MAY_BE_BLANK
        }

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self._variables.get(env_key, default)


def load(environment: Mapping[str, str] | None = None, *, to_serve: bool = True) -> Settings:
    """The settings of `environment`; by default those of the process, over those of `.env`.

    to_serve: also require what serving needs and, in production, secrets that cannot be guessed.
    Raises SettingsError.
    """
    variables = _Variables(from_process() if environment is None else environment)
    values: dict[str, Any] = {}
    for setting in fields(Settings):
        default: Any = setting.default
        read = variables.whole if setting.type is int else variables.str
        value = read(setting.name.upper(), default, **setting.metadata)
        if value is not None:  # else there is an error
            values[setting.name] = value
    errors: list[str] = []
    try:
        variables.seal()
    except EnvValidationError as error:
        messages = cast(dict[str, list[str]], error.error_messages)
        errors += [f"{name} {text}" for name, texts in messages.items() for text in texts]
    settings = Settings(**values)
    if to_serve and (settings.clinic or not settings.clinics):  # else each clinic has its own
        errors += _unfit_to_serve(settings)
    if errors:
        raise SettingsError("; ".join(errors))
    return settings


def current() -> Settings:
    """The settings for the present request: those of its clinic, or of the application."""
    return present.variables().get("settings") or cast(Settings, current_app.config["SETTINGS"])


def from_process() -> dict[str, str]:
    """The environment variables of this process, over those of the file `.env`.

    With CLINIC, the variables in the file of that clinic come first: api.clinic_files. Raises
    SettingsError.
    """
    # ENV_FILE is not a setting: it is the path of the file.
    path = os.environ.get("ENV_FILE") or Path(__file__).resolve().parent.parent / ".env"
    # Not Env.read_env, which would expand a ${...} in a password.
    found = dotenv_values(path, interpolate=False)
    from_file = {name: value for name, value in found.items() if value is not None}
    variables = from_file | os.environ
    if name := variables.get("CLINIC"):
        try:
            clinics = clinic_files.read(variables.get("CLINICS", ""))
        except ValueError as error:
            raise SettingsError(str(error)) from None
        if name not in clinics:
            raise SettingsError(f"CLINIC must be one of {', '.join(clinics)}")
        variables |= clinics[name].variables
    return variables


def _is_store(url: str) -> bool:
    try:
        return url == IN_MEMORY or isinstance(storage_from_string(url), Storage)
    except (ConfigurationError, ValueError):
        return False


def _unfit_to_serve(settings: Settings) -> list[str]:
    errors = []
    if not settings.database_url:
        errors.append("DATABASE_URL is missing")
    for name in ("DATABASE_URL", "DATABASE_REPLICA_URL"):
        try:
            conninfo_to_dict(getattr(settings, name.lower()))
        except ProgrammingError:  # its text would repeat the password
            errors.append(f"{name} is not a PostgreSQL connection string")
    errors += published_passwords(settings)
    errors += unencrypted_mail(settings)
    errors += _unfit_keys(settings)
    errors += _unfit_context_key(settings)
    errors += _unfit_mfa_keys(settings)
    errors += _unfit_video(settings)
    if settings.metrics_token and settings.app_env == "production":
        errors += _weak("METRICS_TOKEN", settings.metrics_token)
    if settings.bcrypt_concurrency > settings.threads // 2:
        errors.append("BCRYPT_CONCURRENCY must be at most half of THREADS")
    if not _is_store(settings.rate_limit_storage_url):
        errors.append("RATE_LIMIT_STORAGE_URL names a store that is not installed")
    if settings.app_env == "production" and settings.public_url.startswith("http:"):
        errors.append("PUBLIC_URL must begin with https:// in production")
    if settings.app_env == "production" and settings.bcrypt_cost < 10:
        errors.append("BCRYPT_COST must be at least 10 in production")
    return errors


def published_passwords(settings: Settings) -> list[str]:
    """An error for each connection string whose password is published, in production only."""
    if settings.app_env != "production":
        return []
    urls = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_REPLICA_URL": settings.database_replica_url,
        "DBA_DATABASE_URL": settings.dba_database_url,
        "WORKER_DATABASE_URL": settings.worker_database_url,
    }
    return [
        f"{name} has a password that is published"
        for name, url in urls.items()
        if _parts(url).get("password") in PUBLISHED_PASSWORDS
    ]


def unencrypted_mail(settings: Settings) -> list[str]:
    """An error if e-mail would leave this machine unencrypted, in production only."""
    url = urlsplit(settings.smtp_url)
    in_clear = url.scheme == "smtp+plaintext" and url.hostname not in LOOPBACK
    return [f"SMTP_URL {SMTP_URL}"] if in_clear and settings.app_env == "production" else []


def _unfit_mfa_keys(settings: Settings) -> list[str]:
    if not settings.mfa_keys:
        return ["MFA_KEYS is missing"]
    advice = "make one with: openssl rand -base64 32 | tr '+/' '-_'"
    for text in settings.mfa_keys.split(","):
        if not FERNET_KEY.fullmatch(text.strip()):
            return [f"MFA_KEYS has a key that is not one of 32 bytes in base64url ({advice})"]
        key = base64.urlsafe_b64decode(text.strip())
        # 32 random bytes are not all ASCII, but those of a sentence are.
        if settings.app_env == "production" and (
            key.isascii() or text.strip() in PUBLISHED or _can_be_guessed(key.decode("latin-1"))
        ):
            return [f"MFA_KEYS has a key that can be guessed ({advice})"]
    return []


def _unfit_keys(settings: Settings) -> list[str]:
    if not settings.secret_key:
        return ["SECRET_KEY is missing"]
    errors = []
    for name, text in settings.named_keys():
        try:
            key = signing_keys.parse(settings.algorithm, text)
            if name == "SECRET_KEY" and key.signing is None:
                raise ValueError("is a public key, but only a private key can sign")
            if settings.app_env == "production" and settings.algorithm in signing_keys.HMAC_BYTES:
                _refuse_weak(text)
        except ValueError as error:
            errors.append(f"{name} {error}")
    return errors


def _unfit_context_key(settings: Settings) -> list[str]:
    if not settings.context_key:
        return ["CONTEXT_KEY is missing"]
    if len(settings.context_key.encode()) < 32:
        return [f"CONTEXT_KEY is shorter than 32 bytes ({signing_keys.ADVICE})"]
    return _weak("CONTEXT_KEY", settings.context_key) if settings.app_env == "production" else []


def _unfit_video(settings: Settings) -> list[str]:
    provider = settings.video_provider
    if provider == "none":
        return []
    names = VIDEO_SETTINGS[provider]
    url, _, secret = (getattr(settings, name.lower()) for name in names)
    errors = [
        f"{name} is missing, which VIDEO_PROVIDER={provider} needs"
        for name in names
        if not getattr(settings, name.lower())
    ]
    strict, loose, shown = VIDEO_ADDRESSES[provider]
    schemes = (strict,) if settings.app_env == "production" else (strict, loose)
    scheme, separator, rest = url.partition(":")
    if url and not (scheme in schemes and HOST.fullmatch(separator + rest)):
        errors.append(f"{names[0]} must be an address such as {shown}")
    if secret and not secret.isascii():
        errors.append(f"{names[2]} has other characters than ASCII ({signing_keys.ADVICE})")
    elif secret and len(secret) < 32:
        errors.append(f"{names[2]} is shorter than 32 bytes ({signing_keys.ADVICE})")
    elif secret and settings.app_env == "production":
        errors += _weak(names[2], secret)
    return errors


def _weak(name: str, secret: str) -> list[str]:
    try:
        _refuse_weak(secret)
    except ValueError as error:
        return [f"{name} {error}"]
    return []


def _refuse_weak(secret: str) -> None:
    if secret in PUBLISHED:
        raise ValueError(f"is published in the source of this project ({signing_keys.ADVICE})")
    own = secret.lower()
    for word in PLACEHOLDERS:
        own = own.replace(word, "")
    if len(re.sub(r"[\W_]", "", own)) < 24:
        raise ValueError(f"is made of well-known words ({signing_keys.ADVICE})")
    if _can_be_guessed(own):
        raise ValueError(f"can be guessed: it follows a pattern ({signing_keys.ADVICE})")


@lru_cache  # a server loads its settings twice: in gunicorn.conf.py and in create_app
def _can_be_guessed(secret: str) -> bool:
    # zxcvbn does not see a small alphabet: bits in text, for example.
    return len(set(secret)) < 8 or password_strength.guesses(secret) < SECRET_GUESSES


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
