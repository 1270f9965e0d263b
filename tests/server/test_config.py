"""Settings: which ones are accepted, and which ones prevent the start."""

from __future__ import annotations

import base64
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from psycopg import pq

from api import config, totp
from scripts.cluster import THROWAWAY_CONTEXT_KEY
from scripts.system import CHECKOUT
from tests.support.forgery import OTHER_SECRET
from tests.support.pem import new_key, public, with_password
from tests.support.server import MFA_KEY, SECRET, VIDEO_SECRET, environment, new_secrets, serve

# Made at run time: production refuses every secret that is in this repository.
PASSWORD = secrets.token_urlsafe(16)
URL = f"postgresql://telemed_api:{PASSWORD}@localhost/telemed"
RIGHT = {"APP_ENV": "production", "DATABASE_URL": URL, **new_secrets()}
EXAMPLE = (CHECKOUT / ".env.example").read_text()


def variables_of_the_example() -> dict[str, str]:
    lines = (line.lstrip("#") for line in EXAMPLE.splitlines() if "=" in line)
    pairs = (line.split("=", 1) for line in lines)
    return {name: value for name, value in pairs if name.isupper() and " " not in name}


def test_production_is_the_default_environment() -> None:
    settings = config.load({key: value for key, value in RIGHT.items() if key != "APP_ENV"})
    assert settings.app_env == "production"
    assert settings.algorithm == "HS256"
    assert settings.access_token_expire_minutes == 10
    assert settings.bcrypt_cost == 12


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "secret",
        "x" * 31,
        "x" * 64,
        "secret" * 10,
        "secretsecretsecretsecretsecretsec",
        "changeme" * 8,
        "change-me-change-me-change-me-change-me",
        "your-256-bit-secret-your-256-bit-secret",
        "please-replace-this-with-a-random-string",
        "telemedicine-development-secret-key-2026",
        "0123456789" * 4,
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "ab" * 32,
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbcccccccccccccccc",
        "deadbeef" * 8,
        "0dde5b472b09" * 9,
        "bbaababaaabaabbbbbaabbbbbbbabbaababbbabababbbbabababa",
        variables_of_the_example()["SECRET_KEY"],
    ],
)
def test_production_start_with_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(config.SettingsError, match="SECRET_KEY"):
        config.load(RIGHT | {"SECRET_KEY": secret})


def test_secret_generated_as_advised_is_accepted() -> None:
    for _ in range(100):
        config.load(RIGHT | {"SECRET_KEY": secrets.token_hex(32)})
        config.load(RIGHT | {"SECRET_KEY": secrets.token_hex(16)})
        config.load(RIGHT | {"SECRET_KEY": secrets.token_urlsafe(32)})


# The key of docker-compose.yml, for development.
COMPOSE_MFA_KEY = "ZGV2ZWxvcG1lbnQtb25seS1tZmEta2V5LWNvbXBvc2U="


@pytest.mark.parametrize(
    "keys",
    [
        "",
        ",",
        f"{MFA_KEY},",
        "secret",
        MFA_KEY[:-4],
        MFA_KEY + "AAAA",
        MFA_KEY[:-2] + "+=",
        base64.urlsafe_b64encode(bytes(32)).decode(),
        base64.urlsafe_b64encode(b"\xfe\xff" * 16).decode(),
        f"{MFA_KEY},{COMPOSE_MFA_KEY}",
        variables_of_the_example()["MFA_KEYS"],
    ],
)
def test_production_start_without_mfa_keys_is_refused(keys: str) -> None:
    with pytest.raises(config.SettingsError, match="MFA_KEYS"):
        config.load(RIGHT | {"MFA_KEYS": keys})


def test_mfa_keys_generated_as_advised_are_accepted() -> None:
    assert COMPOSE_MFA_KEY in (CHECKOUT / "docker-compose.yml").read_text()
    config.load(RIGHT | {"MFA_KEYS": COMPOSE_MFA_KEY, "APP_ENV": "development"})
    for _ in range(200):
        config.load(RIGHT | {"MFA_KEYS": f"{totp.new_key()}, {totp.new_key()}"})


VIDEO = {
    "livekit": {
        "VIDEO_PROVIDER": "livekit",
        "LIVEKIT_URL": "wss://video.example.com",
        "LIVEKIT_API_KEY": "clinic",
        "LIVEKIT_API_SECRET": secrets.token_hex(32),
    },
    "jitsi": {
        "VIDEO_PROVIDER": "jitsi",
        "JITSI_URL": "https://meet.example.com:8443",
        "JITSI_APP_ID": "clinic",
        "JITSI_SECRET": secrets.token_hex(32),
    },
}


def test_start_without_a_video_service_is_the_default() -> None:
    assert config.load(RIGHT).video_provider == "none"
    with pytest.raises(config.SettingsError, match="one of none, livekit, jitsi"):
        config.load(RIGHT | {"VIDEO_PROVIDER": "zoom"})


@pytest.mark.parametrize("provider", VIDEO)
def test_start_with_a_video_service_requires_its_settings(provider: str) -> None:
    right = RIGHT | VIDEO[provider]
    assert config.load(right).video_provider == provider
    for name in config.VIDEO_SETTINGS[provider]:
        with pytest.raises(config.SettingsError, match=f"^{name} is missing, which VIDEO_PROVIDER"):
            config.load(right | {name: ""})
    # Those of the other service are not needed, nor looked at.
    for name in {*VIDEO["livekit"], *VIDEO["jitsi"]} - set(VIDEO[provider]):
        config.load(right | {name: "x"})


@pytest.mark.parametrize(
    ("provider", "url", "accepted_in"),
    [
        ("livekit", "wss://video.example.com", ("production", "development")),
        ("livekit", "wss://10.0.0.1:7880", ("production", "development")),
        ("livekit", "ws://localhost:7880", ("development",)),
        ("livekit", "https://video.example.com", ()),
        ("livekit", "wss://video.example.com/rtc", ()),
        ("livekit", "video.example.com", ()),
        ("livekit", "wss://user:word@video.example.com", ()),
        ("jitsi", "https://meet.example.com", ("production", "development")),
        ("jitsi", "http://localhost:8000", ("development",)),
        ("jitsi", "https://meet.example.com/", ()),
        ("jitsi", "https://meet.example.com?jwt=x", ()),
        ("jitsi", "wss://meet.example.com", ()),
        ("jitsi", "https://", ()),
    ],
)
def test_address_of_a_video_service_is_checked(
    provider: str, url: str, accepted_in: tuple[str, ...]
) -> None:
    name = config.VIDEO_SETTINGS[provider][0]
    for app_env in ("production", "development"):
        given = RIGHT | VIDEO[provider] | {name: url, "APP_ENV": app_env}
        if app_env in accepted_in:
            config.load(given)
            continue
        with pytest.raises(config.SettingsError, match=f"^{name} must be an address such as"):
            config.load(given)


@pytest.mark.parametrize("provider", VIDEO)
@pytest.mark.parametrize(
    ("secret", "reason", "refused_in"),
    [
        ("x" * 31, "is shorter than 32 bytes", ("production", "development")),
        ("\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 32, "ASCII", ("production", "development")),
        ("\udcff" * 32, "ASCII", ("production", "development")),
        ("devsecretdevsecretdevsecretdevsecret", "well-known words", ("production",)),
        ("x" * 64, "can be guessed", ("production",)),
        (VIDEO_SECRET, "is published", ("production",)),
    ],
)
def test_secret_of_a_video_service_is_checked(
    provider: str, secret: str, reason: str, refused_in: tuple[str, ...]
) -> None:
    name = config.VIDEO_SETTINGS[provider][2]
    for app_env in ("production", "development"):
        given = RIGHT | VIDEO[provider] | {name: secret, "APP_ENV": app_env}
        if app_env not in refused_in:
            config.load(given)
            continue
        with pytest.raises(config.SettingsError, match=f"^{name} .*{reason}") as raised:
            config.load(given)
        assert secret not in str(raised.value)


@pytest.mark.parametrize("minutes", ["0", "61", "360", "x"])
def test_video_token_is_valid_for_minutes(minutes: str) -> None:
    with pytest.raises(config.SettingsError, match="VIDEO_TOKEN_MINUTES must be a whole number"):
        config.load(RIGHT | {"VIDEO_TOKEN_MINUTES": minutes})
    assert config.load(RIGHT).video_token_minutes == 10


# Forms of secrets in files: the value of a variable (NAME=..., NAME: ${NAME:-...}) ...
ASSIGNED = re.compile(
    r"""\b(\w*(?:SECRET|KEY|PASSWORD|PASSWD)\w*)["'`]?\s*(?::-|[:=-])\s*["'`]?(?:\$\{\w+:?-)?"""
    r"""([\w+/][\w+/=.~@!%-]*)"""
)
# ... a password in a connection string, or 32 random bytes in one of their usual encodings.
IN_URL = re.compile(r"postgres(?:ql)?://[^\s/:@]*:(?:\$\{\w+:?-)?([^\s/:@{}\"']+)\}?@")
# Digests of images are none.
RANDOM = re.compile(
    r"""(?<![\w+/=-])(?<!@sha256:)([0-9a-f]{64}|\w[\w+/-]{63}|\w[\w+/-]{42,43}=?)(?![\w+/=-])"""
)
CODE = (".py", ".sh", ".sql", ".psql", "Makefile")


LOCK_FILES = ("requirements", "package-lock")


def published() -> Iterator[tuple[str, str, str]]:
    """(file, variable, value) of everything in this repository that looks like a secret."""
    listed = subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard"),
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        path = CHECKOUT / name
        # Digests of packages are not secrets. api/config.py has the list that is tested.
        if not path.is_file() or path.name.startswith(LOCK_FILES) or name == "api/config.py":
            continue
        text = path.read_text(errors="replace")
        for variable, value in ASSIGNED.findall(text):
            if not name.endswith(CODE) or value in RANDOM.findall(text):
                yield name, variable, value
        for value in IN_URL.findall(text):
            if not value.startswith("$"):  # a variable of a shell
                yield name, "PASSWORD", unquote(value)
        for value in RANDOM.findall(text):
            if re.search("[0-9]", value) and re.search("[A-Z]|[0-9a-f]{64}", value):
                yield name, "", value


def test_production_start_with_a_published_secret_is_refused() -> None:
    found = set(published())
    compose = {variable for file, variable, _ in found if file == "docker-compose.yml"}
    assert {"SECRET_KEY", "CONTEXT_KEY", "MFA_KEYS", "POSTGRES_PASSWORD"} <= compose
    for value in (SECRET, MFA_KEY, THROWAWAY_CONTEXT_KEY, OTHER_SECRET, VIDEO_SECRET):
        assert value in {text for _, _, text in found}
    accepted = []
    for file, variable, value in sorted(found):
        names = ("SECRET_KEY", "SECRET_KEYS_RETIRED", "CONTEXT_KEY", "LIVEKIT_API_SECRET")
        candidates = dict.fromkeys(names, value)
        candidates["MFA_KEYS"] = f"{RIGHT['MFA_KEYS']},{value}"
        if "PASSWORD" in variable:
            url = f"postgresql://telemed_api:{quote(value, safe='')}@localhost/telemed"
            candidates = {"DATABASE_URL": url, "DBA_DATABASE_URL": url}
        for name, text in candidates.items():
            try:
                config.load(RIGHT | VIDEO["livekit"] | {name: text})
            except config.SettingsError as refused:
                assert name in str(refused)
            else:
                accepted.append(f"{file}: {value} as {name}")
    assert not accepted, "add these to the list in api/config.py"


@pytest.mark.parametrize(
    "name", ["PGPASSWORD", "API_DATABASE_PASSWORD", "WORKER_DATABASE_PASSWORD", "CONTEXT_KEY"]
)
def test_production_deployment_with_a_secret_of_docker_compose_is_refused(name: str) -> None:
    of_compose = {
        value
        for file, variable, value in published()
        if file == "docker-compose.yml" and variable in ("CONTEXT_KEY", "POSTGRES_PASSWORD")
    }
    nowhere = {"PATH": os.environ["PATH"], "PGHOST": "/nowhere"}
    for value in sorted(of_compose):
        for app_env, reason in (("production", "docker-compose.yml"), ("development", "reached")):
            deployed = subprocess.run(
                ("sh", "scripts/deploy.sh"),
                cwd=CHECKOUT,
                env=nowhere | {"APP_ENV": app_env, name: value},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert deployed.returncode == 1
            assert reason in deployed.stderr.splitlines()[-1]
            assert value not in deployed.stderr


@pytest.mark.parametrize(
    "name", ["DATABASE_URL", "DATABASE_REPLICA_URL", "DBA_DATABASE_URL", "WORKER_DATABASE_URL"]
)
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://telemed_api:development%2Donly@localhost/telemed",
        "postgresql://localhost/telemed?user=telemed_api&password=development-only",
        "host=localhost user=telemed_api password='development-only'",
    ],
)
def test_published_password_is_refused_in_every_spelling_in_production_only(
    name: str, url: str
) -> None:
    with pytest.raises(config.SettingsError, match=f"^{name} has a password that is published$"):
        config.load(RIGHT | {name: url})
    config.load(RIGHT | {name: url, "APP_ENV": "development"})
    if name == "DBA_DATABASE_URL":
        command = ("create-admin", "--email", "a@b.c", "--full-name", "A", "--password-stdin")
        created = run(*command, variables=environment("") | RIGHT | {name: url})
        assert (created.returncode, created.stderr) == (
            1,
            f"api: {name} has a password that is published\n",
        )


def test_longer_hash_requires_a_longer_key() -> None:
    for algorithm, least in (("HS384", 48), ("HS512", 64)):
        config.load(RIGHT | {"ALGORITHM": algorithm, "SECRET_KEY": secrets.token_hex(least // 2)})
        with pytest.raises(config.SettingsError, match=f"shorter than {least} bytes"):
            short = secrets.token_hex(least // 2 - 1)
            config.load(RIGHT | {"ALGORITHM": algorithm, "SECRET_KEY": short})


@pytest.mark.parametrize("environment_name", ["development", "test"])
def test_development_start_accepts_a_weak_secret_but_no_short_or_missing_one(
    environment_name: str,
) -> None:
    other = RIGHT | {"APP_ENV": environment_name, "BCRYPT_COST": "4"}
    assert config.load(other | {"SECRET_KEY": "x" * 32}).bcrypt_cost == 4
    with pytest.raises(config.SettingsError, match="SECRET_KEY is shorter than 32 bytes"):
        config.load(other | {"SECRET_KEY": "x" * 31})
    with pytest.raises(config.SettingsError, match="SECRET_KEY is missing"):
        config.load(other | {"SECRET_KEY": ""})


def test_secret_length_is_counted_in_bytes() -> None:
    config.load(RIGHT | {"APP_ENV": "development", "SECRET_KEY": "ü" * 16})


PAIRS = {kind: new_key(kind) for kind in ("EdDSA", "RS256", "ES256", "Ed448")}
OTHER = new_key("EdDSA")
SHORT_RSA = new_key("RS256", 1024)
JWK = '{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}'


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEYS_RETIRED"])
@pytest.mark.parametrize(
    ("algorithm", "key", "reason"),
    [
        ("HS256", "0f8a1" * 6, "is shorter than 32 bytes"),
        ("HS384", "0f8a1" * 9, "is shorter than 48 bytes"),
        ("HS512", "0f8a1" * 12, "is shorter than 64 bytes"),
        ("HS256", "change-me-this-is-an-example-and-no-secret", "is made of well-known words"),
        ("HS256", "ab" * 32, "can be guessed"),
        ("HS256", PAIRS["EdDSA"], "is a PEM key"),
        ("HS256", public(PAIRS["RS256"]), "is a PEM key"),
        ("HS256", SECRET + "\udcff", "is not UTF-8"),
        ("EdDSA", PAIRS["EdDSA"] + "\udcff", "is not UTF-8"),
        ("HS256", "ssh-ed25519 " + SECRET, "is not a secret for HS256"),
        ("EdDSA", SECRET, "is not one PEM key"),
        ("EdDSA", PAIRS["RS256"], "is a PEM key of another kind"),
        ("EdDSA", PAIRS["ES256"], "is a PEM key of another kind"),
        ("EdDSA", PAIRS["Ed448"], "is a PEM key of another kind"),
        ("RS256", PAIRS["EdDSA"], "is a PEM key of another kind"),
        ("RS256", public(PAIRS["EdDSA"]), "is a PEM key of another kind"),
        ("RS256", SHORT_RSA, "is an RSA key of less than 2048 bits"),
        ("RS256", public(SHORT_RSA), "is an RSA key of less than 2048 bits"),
        ("EdDSA", with_password(PAIRS["EdDSA"], "hunter2"), "cannot be read as a PEM key"),
        ("EdDSA", PAIRS["EdDSA"][:60], "cannot be read as a PEM key"),
        ("EdDSA", PAIRS["EdDSA"].replace("M", "!"), "cannot be read as a PEM key"),
        ("RS256", PAIRS["RS256"].replace("PRIVATE", "PUBLIC"), "cannot be read as a PEM key"),
    ],
    ids=lambda value: value.partition("\n")[0][:32].strip("-"),  # the rest of a key is random
)
def test_invalid_key_is_named_without_its_value(
    name: str, algorithm: str, key: str, reason: str
) -> None:
    right = PAIRS.get(algorithm, secrets.token_hex(32))
    wrong = {"ALGORITHM": algorithm, "SECRET_KEY": right, name: key}
    with pytest.raises(config.SettingsError) as raised:
        config.load(RIGHT | wrong)
    text = str(raised.value)
    place = "SECRET_KEYS_RETIRED (key 1)" if name == "SECRET_KEYS_RETIRED" else name
    assert text.startswith(f"{place} {reason}")
    assert len(text.splitlines()) == 1
    assert ";" not in text
    for line in key.splitlines():
        assert line not in text


def test_secret_that_looks_like_another_kind_of_key_is_refused() -> None:
    with pytest.raises(config.SettingsError, match="SECRET_KEY is not a secret for HS256"):
        config.load(RIGHT | {"SECRET_KEY": JWK})


def test_invalid_retired_key_is_named_by_its_position() -> None:
    good = secrets.token_hex(32)
    with pytest.raises(config.SettingsError) as raised:
        config.load(RIGHT | {"SECRET_KEYS_RETIRED": f"{good}, short,{good},{'x' * 64}"})
    first, second = str(raised.value).split("; ")
    assert first.startswith("SECRET_KEYS_RETIRED (key 2) is shorter")
    assert second.startswith("SECRET_KEYS_RETIRED (key 4) can be guessed")
    between = PAIRS["EdDSA"] + "and then\n" + OTHER
    pairs = RIGHT | {"ALGORITHM": "EdDSA", "SECRET_KEY": OTHER}
    config.load(pairs | {"SECRET_KEYS_RETIRED": between})  # PEM allows text between keys
    with pytest.raises(config.SettingsError, match=r"SECRET_KEYS_RETIRED \(key 1\) is not one"):
        config.load(pairs | {"SECRET_KEYS_RETIRED": "and then\n" + between})


def test_signing_key_is_one_private_key() -> None:
    pair = RIGHT | {"ALGORITHM": "EdDSA"}
    with pytest.raises(config.SettingsError, match="SECRET_KEY is a public key"):
        config.load(pair | {"SECRET_KEY": public(OTHER)})
    with pytest.raises(config.SettingsError, match="SECRET_KEY is not one PEM key"):
        config.load(pair | {"SECRET_KEY": OTHER + PAIRS["EdDSA"]})


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
@pytest.mark.parametrize("newline", ["\n", "\\n", "\r\n"])
def test_key_pairs_are_read_on_one_line_or_several(algorithm: str, newline: str) -> None:
    retired = new_key(algorithm) + public(new_key(algorithm))
    settings = config.load(
        RIGHT
        | {
            "ALGORITHM": algorithm,
            "SECRET_KEY": PAIRS[algorithm].replace("\n", newline),
            "SECRET_KEYS_RETIRED": retired.replace("\n", newline),
        }
    )
    assert len({jwk["kid"] for jwk in settings.keyring.published()}) == 3
    assert settings.keyring is settings.keyring


def test_settings_show_no_key() -> None:
    retired = secrets.token_hex(32)
    shown = config.load(RIGHT | {"SECRET_KEYS_RETIRED": retired})
    assert shown.without_secrets()["SECRET_KEYS_RETIRED"] == "(64 bytes)"
    assert retired not in str(shown.without_secrets()) + repr(shown)
    assert config.load(RIGHT).without_secrets()["SECRET_KEYS_RETIRED"] == ""
    pair = {"SECRET_KEY": OTHER, "SECRET_KEYS_RETIRED": PAIRS["EdDSA"]}
    settings = config.load(RIGHT | pair | {"ALGORITHM": "EdDSA"})
    shown_pair = str(settings.without_secrets()) + repr(settings) + repr(vars(settings.keyring))
    assert "BEGIN" not in shown_pair
    for line in (OTHER + PAIRS["EdDSA"]).splitlines():
        assert line not in shown_pair


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://localhost/telemed"),
        ("DATABASE_REPLICA_URL", "mysql://localhost/telemed"),
        ("DATABASE_REPLICA_LAG_SECONDS", "0"),
        ("ALGORITHM", "none"),
        ("ALGORITHM", "hs256"),
        ("ALGORITHM", "ES256"),
        ("ALGORITHM", "HS256,HS512"),
        ("APP_ENV", "prod"),
        ("LOG_LEVEL", "verbose"),
        ("BCRYPT_COST", "4"),
        ("BCRYPT_COST", "twelve"),
        ("BCRYPT_COST", "31"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "525600"),
        ("PORT", "99999"),
        ("PORT", "+8000"),
        ("PORT", "8_000"),
        ("THREADS", "1.5"),
        ("THREADS", "1"),
        ("BCRYPT_CONCURRENCY", "5"),  # more than half of the threads
        ("DATABASE_POOL_SIZE", "-1"),
        ("RATE_LIMIT", "many"),
        ("RATE_LIMIT", "0 per minute"),
        ("RATE_LIMIT_AUTH", "60"),
        ("RATE_LIMIT_STORAGE_URL", "localhost"),
        ("RATE_LIMIT_STORAGE_URL", "async+memory://"),
        ("RATE_LIMIT_STORAGE_URL", "memcached://localhost"),  # its client is not installed
        ("RATE_LIMIT_STORAGE_URL", "redis://localhost:port"),
        ("TRUSTED_PROXIES", "10.0.0.0/8"),
        ("PUBLIC_URL", "api.example.com"),
        ("PUBLIC_URL", "https://api.example.com/"),
        ("PUBLIC_URL", "https://api.example.com?x=1"),
        ("PUBLIC_URL", "https://user@api.example.com"),
        ("PUBLIC_URL", "http://api.example.com"),  # in production
        ("SMTP_URL", "mail.example.com"),
        ("SMTP_URL", "http://mail.example.com"),
        ("SMTP_URL", "smtp://mail.example.com:port"),
        ("SMTP_URL", "smtp+plaintext://mail.example.com"),  # in production
        ("SMTP_TIMEOUT_SECONDS", "60"),  # longer than a lease allows
        ("WEBHOOK_TIMEOUT_SECONDS", "60"),
        ("PURGE_AFTER_DAYS", "29"),
        ("MAIL_FROM", "The Clinic"),
        ("WEB_URL", "http://app.example.com"),
        ("SMS_URL", "sms.example.com"),
    ],
)
def test_invalid_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(config.SettingsError, match=name):
        config.load(RIGHT | {name: value})


def test_unencrypted_mail_server_of_another_machine_is_accepted_in_development() -> None:
    settings = RIGHT | {"SMTP_URL": "smtp+plaintext://mail:1025", "APP_ENV": "development"}
    assert config.load(settings).smtp_url == "smtp+plaintext://mail:1025"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://example.com:8443/clinic/api", "https://example.com:8443/clinic/api"),
        ("", "http://localhost:8000"),
    ],
)
def test_address_is_that_of_the_setting(given: str, address: str) -> None:
    assert config.load(RIGHT | {"PUBLIC_URL": given}).address == address


def test_empty_rate_limit_is_accepted() -> None:
    assert config.load(RIGHT).rate_limit == "6000 per minute"
    assert config.load(RIGHT | {"RATE_LIMIT": ""}).rate_limit == ""
    several = "10 per second; 300/minute"
    assert config.load(RIGHT | {"RATE_LIMIT": several}).rate_limit == several


def test_invalid_settings_are_reported_all_at_once() -> None:
    with pytest.raises(config.SettingsError) as raised:
        config.load({"PORT": "x"})
    assert str(raised.value).count(";") == 4
    for name in ("PORT", "DATABASE_URL", "SECRET_KEY", "CONTEXT_KEY", "MFA_KEYS"):
        assert name in str(raised.value)


def test_error_message_never_contains_a_secret() -> None:
    wrong = RIGHT | {
        "DATABASE_URL": "postgresql://u:hunter2@[bad/telemed",
        "SECRET_KEY": "letmein",
        "RATE_LIMIT_STORAGE_URL": "radish://:hunter2@localhost",
    }
    with pytest.raises(config.SettingsError) as raised:
        config.load(wrong)
    assert "hunter2" not in str(raised.value)
    assert "letmein" not in str(raised.value)


def test_settings_are_shown_without_secrets() -> None:
    store = {"RATE_LIMIT_STORAGE_URL": "redis://:hunter2@localhost:6379/0?password=hunter2"}
    video = VIDEO["jitsi"]
    servers = {
        "SMTP_URL": "smtps://clinic:hunter2@mail.example.com",
        "SMS_URL": "https://sms.example.com/send?key=hunter2",
        "SMS_TOKEN": "hunter2",
    }
    databases = {"DBA_DATABASE_URL": URL, "DATABASE_REPLICA_URL": URL}
    settings = config.load(RIGHT | databases | store | video | servers)
    shown = str(settings.without_secrets()) + repr(settings)
    for name in ("SECRET_KEY", "CONTEXT_KEY", "MFA_KEYS", "LIVEKIT_API_SECRET"):
        assert RIGHT[name] not in shown
    assert video["JITSI_SECRET"] not in shown
    assert PASSWORD not in shown
    assert "hunter2" not in shown
    assert "user=telemed_api" in settings.without_secrets()["DATABASE_URL"]
    assert settings.without_secrets()["RATE_LIMIT_STORAGE_URL"] == "redis://***@localhost:6379/0"
    assert settings.without_secrets()["SMTP_URL"] == "smtps://***@mail.example.com"
    assert settings.without_secrets()["SMS_URL"] == "https://sms.example.com/send"


def test_settings_show_no_secret_of_a_connection_string() -> None:
    marked = {o.keyword.decode() for o in pq.Conninfo.get_defaults() if o.dispchar == b"*"}
    assert {"password", "sslpassword"} <= marked <= set(config.LIBPQ_SECRETS)
    names = [*marked, "sslkey", "passfile"]
    url = "postgresql://u@localhost/x?" + "&".join(f"{name}=value-of-{name}" for name in names)
    shown = config.load(RIGHT | {"DATABASE_URL": url}).without_secrets()["DATABASE_URL"]
    for name in marked:
        assert f"{name}=***" in shown
        assert f"value-of-{name}" not in shown
    assert "passfile=value-of-passfile" in shown


def test_ipv4_and_ipv6_addresses_are_accepted() -> None:
    for host, bind in (("::1", "[::1]:8000"), ("127.0.0.1", "127.0.0.1:8000")):
        result = subprocess.run(
            (sys.executable, "-m", "gunicorn", "--print-config"),
            cwd=CHECKOUT,
            env=environment(URL, HOST=host),
            capture_output=True,
            text=True,
            timeout=60,
        )
        (line,) = (row for row in result.stdout.splitlines() if row.startswith("bind "))
        assert line.endswith(f"= ['{bind}']")


def test_env_example_documents_each_setting_with_its_default() -> None:
    documented = variables_of_the_example()
    # MFA_REQUIRED_ROLES is a setting of the deployment, which reads the same file.
    of_the_api = {field.name.upper() for field in fields(config.Settings)}
    assert set(documented) == of_the_api | {"MFA_REQUIRED_ROLES"}
    optional = set(documented) - {
        *(
            "DATABASE_URL",
            "DBA_DATABASE_URL",
            "WORKER_DATABASE_URL",
            "SECRET_KEY",
            "CONTEXT_KEY",
            "MFA_KEYS",
            "APP_ENV",
        ),
        "WEB_CONCURRENCY",
    }
    for field in fields(config.Settings):
        if field.name.upper() in optional:
            assert documented[field.name.upper()] == str(field.default)


def test_environment_overrides_the_env_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(
        f"DATABASE_URL={URL}\nPORT=8123\nLOG_LEVEL=ERROR\nSECRET_KEY='quoted # {SECRET}'\n"
        f"CONTEXT_KEY={RIGHT['CONTEXT_KEY']}\nMFA_KEYS={RIGHT['MFA_KEYS']}"
    )
    given = {"ENV_FILE": str(file), "LOG_LEVEL": "DEBUG", "PATH": os.environ["PATH"]}
    shown = run("settings", variables=given)
    assert shown.returncode == 0, shown.stderr
    assert "PORT=8123\n" in shown.stdout
    assert "LOG_LEVEL=DEBUG\n" in shown.stdout
    assert f"SECRET_KEY=({len(SECRET) + 9} bytes)\n" in shown.stdout
    assert SECRET not in shown.stdout + shown.stderr


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_key_pair_fits_on_one_line_of_the_env_file(tmp_path: Path, quote: str) -> None:
    file = tmp_path / "env"
    lines = {
        "DATABASE_URL": URL,
        "ALGORITHM": "EdDSA",
        "CONTEXT_KEY": RIGHT["CONTEXT_KEY"],
        "MFA_KEYS": RIGHT["MFA_KEYS"],
        "SECRET_KEY": OTHER.replace("\n", "\\n"),
        "SECRET_KEYS_RETIRED": (PAIRS["EdDSA"] + public(OTHER)).replace("\n", "\\n"),
    }
    file.write_text("".join(f"{name}={quote}{value}{quote}\n" for name, value in lines.items()))
    shown = run("settings", variables={"ENV_FILE": str(file), "PATH": os.environ["PATH"]})
    assert shown.returncode == 0, shown.stderr
    assert "ALGORITHM=EdDSA\n" in shown.stdout
    assert "BEGIN" not in shown.stdout


def run(*command: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "api", *command),
        cwd=CHECKOUT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"SECRET_KEY": ""},
        {"SECRET_KEY": "changeme"},
        {"SECRET_KEY": "secret" * 10},
        {"SECRET_KEYS_RETIRED": "changeme"},
        {"ALGORITHM": "EdDSA", "SECRET_KEY": "hunter2" + OTHER[:70]},
    ],
    ids=lambda wrong: str(wrong)[:60],
)
def test_gunicorn_with_an_invalid_key_does_not_start(wrong: dict[str, str]) -> None:
    production = environment("") | RIGHT | {"BCRYPT_COST": "12"} | wrong
    started = subprocess.run(
        (sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0"),
        cwd=CHECKOUT,
        env=production,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert started.returncode != 0
    (line,) = (started.stdout + started.stderr).splitlines()
    name = "SECRET_KEYS_RETIRED" if "SECRET_KEYS_RETIRED" in wrong else "SECRET_KEY"
    assert line.startswith(f"telemedicine: cannot start: {name} ")
    assert "changeme" not in line
    assert "hunter2" not in line


def test_valid_production_start_serves_before_its_database_exists(tmp_path: Path) -> None:
    nowhere = f"postgresql://telemed_api@/telemed?host={tmp_path}"
    production = {**RIGHT, "BCRYPT_COST": "12", "WEB_CONCURRENCY": "1"}
    del production["DATABASE_URL"]
    with serve(nowhere, tmp_path / "log", **production) as server:
        assert server.process.poll() is None
    assert server.process.returncode == 0
    assert not list(tmp_path.glob("telemedicine-metrics-*"))


def test_docker_compose_passes_every_setting_to_the_process_that_reads_it() -> None:
    text = (CHECKOUT / "docker-compose.yml").read_text()
    shared = set(re.findall(r"^  ([A-Z_]+):", text, re.MULTILINE))
    parts = re.split(r"^  ([a-z]+):$", text, flags=re.MULTILINE)
    own = {
        name: set(re.findall(r"^      ([A-Z_]+):", part, re.MULTILINE))
        for name, part in zip(parts[1::2], parts[2::2], strict=True)
    }
    # The image listens on every interface, on port 8000; the login of the DBA is given by hand.
    settings = set(variables_of_the_example()) - {"HOST", "PORT", "DBA_DATABASE_URL"}
    assert settings <= shared | own["api"] | own["worker"] | own["migrate"]
    assert {"MFA_KEYS", "APP_ENV", "PUBLIC_URL", "METRICS_TOKEN"} <= shared
    assert {"SMTP_URL", "MAIL_FOLDER", "SMS_TOKEN", "WEBHOOK_ALLOWED_HOSTS"} <= own["worker"]
    assert {"SECRET_KEY", "VIDEO_PROVIDER"} <= own["api"]


@pytest.mark.parametrize("token", ["x" * 40, "metrics-token-of-this-server", "secret" * 8])
def test_production_start_with_a_weak_metrics_token_is_refused(token: str) -> None:
    with pytest.raises(config.SettingsError, match="METRICS_TOKEN"):
        config.load(RIGHT | {"METRICS_TOKEN": token})


@pytest.mark.parametrize(
    ("app_env", "setting", "is_documented"),
    [
        ("production", "auto", False),
        ("production", "public", True),
        ("development", "auto", True),
        ("development", "none", False),
    ],
)
def test_documentation_is_public_as_the_setting_and_the_environment_say(
    app_env: str, setting: str, is_documented: bool
) -> None:
    settings = config.load(RIGHT | {"APP_ENV": app_env, "DOCUMENTATION": setting})
    assert settings.is_documented is is_documented
