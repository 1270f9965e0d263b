"""Settings, and starts that are refused."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from psycopg import pq

from api import config, mfa
from scripts.cluster import THROWAWAY_CONTEXT_KEY
from scripts.system import CHECKOUT
from tests.server import MFA_KEY, SECRET, environment, serve

URL = "postgresql://telemed_api:hunter2@localhost/telemed"
RIGHT = {
    "APP_ENV": "production",
    "DATABASE_URL": URL,
    "SECRET_KEY": SECRET,
    "CONTEXT_KEY": THROWAWAY_CONTEXT_KEY,
    "MFA_KEYS": MFA_KEY,
}
EXAMPLE = (CHECKOUT / ".env.example").read_text()


def variables_of_the_example() -> dict[str, str]:
    lines = (line.lstrip("#") for line in EXAMPLE.splitlines() if "=" in line)
    pairs = (line.split("=", 1) for line in lines)
    return {name: value for name, value in pairs if name.isupper() and " " not in name}


def test_production_is_the_default() -> None:
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
        variables_of_the_example()["SECRET_KEY"],
    ],
)
def test_a_production_start_needs_a_secret_that_is_one(secret: str) -> None:
    with pytest.raises(config.SettingsError, match="SECRET_KEY"):
        config.load(RIGHT | {"SECRET_KEY": secret})


def test_secrets_made_as_advised_are_accepted() -> None:
    for _ in range(500):
        config.load(RIGHT | {"SECRET_KEY": secrets.token_hex(32)})
        config.load(RIGHT | {"SECRET_KEY": secrets.token_hex(16)})
        config.load(RIGHT | {"SECRET_KEY": secrets.token_urlsafe(32)})


# What docker-compose.yml has for development.
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
def test_a_production_start_needs_keys_for_second_factors(keys: str) -> None:
    with pytest.raises(config.SettingsError, match="MFA_KEYS"):
        config.load(RIGHT | {"MFA_KEYS": keys})


def test_keys_for_second_factors_made_as_advised_are_accepted() -> None:
    assert COMPOSE_MFA_KEY in (CHECKOUT / "docker-compose.yml").read_text()
    config.load(RIGHT | {"MFA_KEYS": COMPOSE_MFA_KEY, "APP_ENV": "development"})
    for _ in range(200):
        config.load(RIGHT | {"MFA_KEYS": f"{mfa.new_key()}, {MFA_KEY}"})


def test_a_longer_hash_needs_a_longer_key() -> None:
    for algorithm, least in (("HS384", 48), ("HS512", 64)):
        config.load(RIGHT | {"ALGORITHM": algorithm, "SECRET_KEY": secrets.token_hex(least // 2)})
        with pytest.raises(config.SettingsError, match=f"shorter than {least} bytes"):
            short = secrets.token_hex(least // 2 - 1)
            config.load(RIGHT | {"ALGORITHM": algorithm, "SECRET_KEY": short})


def test_in_development_a_weak_secret_will_do_but_none_will_not() -> None:
    development = RIGHT | {"APP_ENV": "development", "BCRYPT_COST": "4"}
    assert config.load(development | {"SECRET_KEY": "secret"}).bcrypt_cost == 4
    with pytest.raises(config.SettingsError, match="SECRET_KEY is missing"):
        config.load(development | {"SECRET_KEY": ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://localhost/telemed"),
        ("ALGORITHM", "none"),
        ("ALGORITHM", "RS256"),
        ("APP_ENV", "prod"),
        ("LOG_LEVEL", "verbose"),
        ("BCRYPT_COST", "4"),
        ("BCRYPT_COST", "twelve"),
        ("BCRYPT_COST", "31"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "525600"),
        ("PORT", "99999"),
        ("THREADS", "1.5"),
        ("THREADS", "1"),
        ("BCRYPT_CONCURRENCY", "5"),  # more than half of the threads
        ("DATABASE_POOL_SIZE", "-1"),
    ],
)
def test_a_setting_that_cannot_be_right_is_named(name: str, value: str) -> None:
    with pytest.raises(config.SettingsError, match=name):
        config.load(RIGHT | {name: value})


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(config.SettingsError) as told:
        config.load({"PORT": "x"})
    assert str(told.value).count(";") == 4
    for name in ("PORT", "DATABASE_URL", "SECRET_KEY", "CONTEXT_KEY", "MFA_KEYS"):
        assert name in str(told.value)


def test_a_message_never_repeats_a_secret() -> None:
    wrong = RIGHT | {"DATABASE_URL": "postgresql://u:hunter2@[bad/telemed", "SECRET_KEY": "letmein"}
    with pytest.raises(config.SettingsError) as told:
        config.load(wrong)
    assert "hunter2" not in str(told.value)
    assert "letmein" not in str(told.value)


def test_settings_are_shown_without_secrets() -> None:
    settings = config.load(RIGHT | {"DBA_DATABASE_URL": URL})
    shown = str(settings.without_secrets()) + repr(settings)
    for secret in (SECRET, THROWAWAY_CONTEXT_KEY, MFA_KEY):
        assert secret not in shown
    assert "hunter2" not in shown
    assert "user=telemed_api" in settings.without_secrets()["DATABASE_URL"]


def test_no_secret_of_a_connection_string_is_shown() -> None:
    marked = {o.keyword.decode() for o in pq.Conninfo.get_defaults() if o.dispchar == b"*"}
    assert {"password", "sslpassword"} <= marked <= set(config.LIBPQ_SECRETS)
    names = [*marked, "sslkey", "passfile"]
    url = "postgresql://u@localhost/x?" + "&".join(f"{name}=value-of-{name}" for name in names)
    shown = config.load(RIGHT | {"DATABASE_URL": url}).without_secrets()["DATABASE_URL"]
    for name in marked:
        assert f"{name}=***" in shown
        assert f"value-of-{name}" not in shown
    assert "passfile=value-of-passfile" in shown


def test_an_address_of_either_kind_can_be_listened_on() -> None:
    for host, bind in (("::1", "[::1]:8000"), ("127.0.0.1", "127.0.0.1:8000")):
        told = subprocess.run(
            (sys.executable, "-m", "gunicorn", "--print-config"),
            cwd=CHECKOUT,
            env=environment(URL, HOST=host),
            capture_output=True,
            text=True,
            timeout=60,
        )
        (line,) = (row for row in told.stdout.splitlines() if row.startswith("bind "))
        assert line.endswith(f"= ['{bind}']")


def test_the_example_documents_each_setting_with_its_default() -> None:
    documented = variables_of_the_example()
    # The last one is the deployment's, which reads the same file.
    of_the_api = {field.name.upper() for field in fields(config.Settings)}
    assert set(documented) == of_the_api | {"MFA_REQUIRED_ROLES"}
    optional = set(documented) - {
        *("DATABASE_URL", "DBA_DATABASE_URL", "SECRET_KEY", "CONTEXT_KEY", "MFA_KEYS", "APP_ENV"),
        "WEB_CONCURRENCY",
    }
    for field in fields(config.Settings):
        if field.name.upper() in optional:
            assert documented[field.name.upper()] == str(field.default)


def test_a_file_is_read_and_the_environment_goes_before_it(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(
        f"DATABASE_URL={URL}\nPORT=8123\nLOG_LEVEL=ERROR\nSECRET_KEY='quoted # {SECRET}'\n"
        f"CONTEXT_KEY={THROWAWAY_CONTEXT_KEY}\nMFA_KEYS={MFA_KEY}"
    )
    given = {"ENV_FILE": str(file), "LOG_LEVEL": "DEBUG", "PATH": os.environ["PATH"]}
    shown = run("settings", given)
    assert shown.returncode == 0, shown.stderr
    assert "PORT=8123\n" in shown.stdout
    assert "LOG_LEVEL=DEBUG\n" in shown.stdout
    assert f"SECRET_KEY=({len(SECRET) + 9} bytes)\n" in shown.stdout
    assert SECRET not in shown.stdout + shown.stderr


def run(command: str, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "api", command),
        cwd=CHECKOUT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("secret", ["", "changeme", "secret" * 10])
def test_gunicorn_does_not_start_with_a_secret_that_is_none(secret: str) -> None:
    production = environment(URL, APP_ENV="production", BCRYPT_COST="12", SECRET_KEY=secret)
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
    assert line.startswith("telemedicine: cannot start: SECRET_KEY ")


def test_a_right_production_start_serves_even_before_its_database(tmp_path: Path) -> None:
    nowhere = f"postgresql://telemed_api@/telemed?host={tmp_path}"
    production = {"APP_ENV": "production", "BCRYPT_COST": "12", "WEB_CONCURRENCY": "1"}
    with serve(nowhere, tmp_path / "log", **production) as server:
        assert server.process.poll() is None
    assert server.process.returncode == 0
    assert not list(tmp_path.glob("telemedicine-metrics-*"))
