"""`python -m api`: the commands."""

from __future__ import annotations

import base64

import bcrypt
import pytest

from api import webhook_secrets
from api.password_hashing import hash_with
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, ok
from tests.support.people import create_admin, log_in
from tests.support.server import MFA_KEY, run_command


def test_create_admin_with_the_right_role_succeeds(
    cluster: Cluster, database: str, stranger: Client
) -> None:
    created = create_admin(cluster.url(database), "second@clinic.test")
    assert created.returncode == 0, created.stderr
    assert "second@clinic.test is an administrator" in created.stdout
    admin = log_in(stranger, "second@clinic.test")
    assert ok(admin.get("/v1/me"))["role"] == "admin"

    again = create_admin(cluster.url(database), "Second@clinic.test")
    assert again.returncode == 1
    assert again.stderr == "api: The e-mail address is registered already\n"


def test_create_admin_as_the_api_login_is_refused(cluster: Cluster, database: str) -> None:
    refused = create_admin(cluster.url(database, "telemed_api"), "third@clinic.test")
    assert refused.returncode == 1
    assert "permission denied" in refused.stderr


def test_command_with_a_missing_setting_fails_in_one_line(cluster: Cluster) -> None:
    command = ("create-admin", "--email", "a@b.c", "--full-name", "A", "--password-stdin")
    missing = run_command(*command, text=PASSWORD)
    assert (missing.returncode, missing.stderr) == (
        1,
        "api: DBA_DATABASE_URL is missing: set it to the connection string of a DBA\n",
    )
    short = run_command(*command, text="short", DBA_DATABASE_URL=cluster.url())
    assert (short.returncode, short.stderr.count("\n")) == (1, 1)
    nowhere = run_command(*command, text=PASSWORD, DBA_DATABASE_URL="postgresql:///x?host=/nowhere")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (1, 1)


def test_settings_command_reports_invalid_settings(cluster: Cluster) -> None:
    shown = run_command("settings", url=cluster.url())
    assert shown.returncode == 0
    assert "APP_ENV=test\n" in shown.stdout
    wrong = run_command("settings", url=cluster.url(), SECRET_KEY="")
    assert (wrong.returncode, wrong.stderr) == (1, "api: SECRET_KEY is missing\n")


@pytest.mark.parametrize("password", [PASSWORD, "ä" * 100, "🙂" * 128])
def test_create_admin_hashes_the_password_as_the_api_does(password: str) -> None:
    hashed = run_command("hash-password", text=password + "\n", LANG="C.UTF-8").stdout.strip()
    assert hashed.startswith("$2b$04$")
    assert len(hashed) == 60
    assert hash_with(password, hashed[:29]) == hashed
    assert hash_with(password[:-1], hashed[:29]) != hashed
    assert not bcrypt.checkpw(password.encode()[:72], hashed.encode())


def test_webhook_secret_is_printed_plain_and_encrypted() -> None:
    result = run_command("webhook-secret")
    printed = dict(line.split("=", 1) for line in result.stdout.splitlines())
    key = webhook_secrets.signing_key(MFA_KEY, printed["p_secret"])
    assert printed["secret"] == "whsec_" + base64.b64encode(key).decode()
    missing = run_command("webhook-secret", MFA_KEYS="")
    assert (missing.returncode, missing.stderr) == (1, "api: MFA_KEYS is missing\n")


def test_command_without_arguments_prints_help() -> None:
    result = run_command("--help")
    assert result.returncode == 0
    for command in ("create-admin", "settings", "hash-password", "webhook-secret"):
        assert command in result.stdout
