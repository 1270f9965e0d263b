"""`python -m api doctor`: each fault of an installation is named, and a sound one has none."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api import administration, doctor, totp, webhook_secrets
from api.doctor import Finding
from scripts.server import Cluster
from tests.support.server import environment, new_secrets, run_command
from tests.support.smtp import Mailbox, smtp_server

NOWHERE = "postgresql:///x?host=/nowhere"


@pytest.fixture(scope="module")
def installation(cluster: Cluster, new_database: Callable[[], str]) -> str:
    """A database of its own, with the heartbeat of a worker that stays young."""
    name = new_database()
    cluster.sql(
        "insert into procrastinate.procrastinate_workers (last_heartbeat)"
        " values (now() + interval '1 day')",
        name,
    )
    return name


@pytest.fixture
def settings(cluster: Cluster, installation: str) -> dict[str, str]:
    """Everything that the checks need."""
    return environment(
        cluster.url(installation, "telemed_api"),
        WORKER_DATABASE_URL=cluster.url(installation, "telemed_worker"),
        DBA_DATABASE_URL=cluster.url(installation),
    )


def found(settings: dict[str, str], *checks: str, **changed: str) -> list[Finding]:
    return list(doctor.examine(checks, settings | changed))


def faults(findings: list[Finding]) -> dict[str, str]:
    return {finding.subject: finding.found for finding in findings if finding.state == "fault"}


def test_doctor_of_a_sound_installation_reports_no_fault(settings: dict[str, str]) -> None:
    findings = found(settings)
    # The server of the tests has settings of its own, such as fsync = off.
    assert [name for name in faults(findings) if not name.startswith("setting ")] == []
    sound = {finding.subject for finding in findings if finding.state == "ok"}
    assert sound >= {
        *("database", "worker's database", "clocks", "schema", "context-key", "worker", "mail"),
        *("rate-limits", "invariants", "mfa-keys"),
    }
    assert all(finding.advice for finding in findings if finding.state != "ok")


@pytest.mark.parametrize(
    ("subject", "text", "changed"),
    [
        ("settings", "SECRET_KEY is missing", {"SECRET_KEY": ""}),
        ("settings", "THREADS must be a whole number", {"THREADS": "many"}),
        ("context-key", "does not have this key", {"CONTEXT_KEY": "0123456789abcdef" * 2}),
        ("database", "failed", {"DATABASE_URL": NOWHERE}),
        ("worker", "failed", {"WORKER_DATABASE_URL": NOWHERE}),
        ("administration", "failed", {"DBA_DATABASE_URL": NOWHERE}),
        ("mail", "no connection", {"SMTP_URL": "smtp+plaintext://127.0.0.1:1"}),
        ("seals", "cannot be written to", {"AUDIT_SEALS_FOLDER": "/nowhere"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_doctor_names_a_fault(
    settings: dict[str, str], subject: str, text: str, changed: dict[str, str]
) -> None:
    assert text in faults(found(settings, subject, **changed))[subject]


def test_doctor_with_a_missing_key_checks_everything_else(settings: dict[str, str]) -> None:
    findings = found(settings, "database", "seals", SECRET_KEY="", CONTEXT_KEY="")
    assert [f.found for f in findings if f.subject == "settings" and f.state == "fault"] == [
        "SECRET_KEY is missing",
        "CONTEXT_KEY is missing",
    ]
    assert "database" in {f.subject for f in findings if f.state == "ok"}


def test_doctor_with_the_login_of_a_superuser_names_the_login(
    cluster: Cluster, installation: str, settings: dict[str, str]
) -> None:
    findings = found(settings, "database", DATABASE_URL=cluster.url(installation))
    assert faults(findings)["database"] == "the login postgres is not telemed_api"


def test_doctor_without_a_worker_or_a_function_names_both(
    cluster: Cluster, new_database: Callable[[], str], settings: dict[str, str]
) -> None:
    name = new_database()
    cluster.sql("drop function api.join_consultation", name)
    findings = found(settings, "database", "worker", DATABASE_URL=cluster.url(name, "telemed_api"))
    assert faults(findings)["worker"] == "none is running"
    assert "api.join_consultation" in faults(findings)["schema"]
    cluster.sql(
        "insert into procrastinate.procrastinate_workers (last_heartbeat)"
        " values (now() - interval '1 hour')",
        name,
    )
    findings = found(settings, "worker", DATABASE_URL=cluster.url(name, "telemed_api"))
    assert faults(findings)["worker"].startswith("silent for 36")


def test_doctor_of_a_database_that_is_not_deployed_names_schema_and_key(
    cluster: Cluster, settings: dict[str, str]
) -> None:
    findings = found(settings, "database", "context-key", DATABASE_URL=cluster.url("postgres"))
    assert "are missing" in faults(findings)["schema"]
    assert "context-key" in faults(findings)


def test_doctor_of_a_read_only_server_names_it(
    cluster: Cluster, new_database: Callable[[], str], settings: dict[str, str]
) -> None:
    name = new_database()
    cluster.sql(f"alter database {name} set default_transaction_read_only = on")
    findings = found(settings, "database", DATABASE_URL=cluster.url(name, "telemed_api"))
    assert faults(findings)["database"] == "the server is read-only"


def test_doctor_names_a_broken_invariant_and_the_advice_of_the_database(
    cluster: Cluster, new_database: Callable[[], str], settings: dict[str, str]
) -> None:
    name = new_database()
    cluster.sql("grant execute on all functions in schema api to public", name)
    findings = found(settings, "administration", DBA_DATABASE_URL=cluster.url(name))
    assert "invariant no_function_is_executable_by_public" in faults(findings)
    assert ("warning", "worker") in {(f.state, f.subject) for f in findings}


def test_doctor_counts_the_secrets_that_no_key_opens(
    cluster: Cluster, new_database: Callable[[], str], settings: dict[str, str]
) -> None:
    name = new_database()
    kept, lost = settings["MFA_KEYS"], totp.new_key()
    secrets = (totp.encrypt(kept, "a", "A"), totp.encrypt(lost, "b", "B"), f"{'g' * 16}.x")
    rows = ", ".join(f"('{n}@x.test', convert_to('{s}', 'UTF8'))" for n, s in enumerate(secrets))
    cluster.sql(
        f"""
        set session_replication_role = replica;
        insert into app.users (email, password_hash, role, mfa_secret)
        select email, '$2b$04$' || repeat('a', 53), 'patient', secret
        from (values {rows}) as v (email, secret);
        insert into app.webhook_endpoints (url, secret, previous_secret, previous_ends_at)
        select 'https://x.test', s, s, now()
        from convert_to('{webhook_secrets.encrypt(lost, "C")}', 'UTF8') as s;
        """,
        name,
    )
    settings = settings | {"DBA_DATABASE_URL": cluster.url(name)}
    findings = found(settings, "mfa-keys")
    assert [(f.state, f.found) for f in findings] == [
        ("fault", "no key of MFA_KEYS opens 1 of the 3 secrets of second factors"),
        ("fault", "no key of MFA_KEYS opens 2 of the 2 secrets of webhooks"),
        ("hint", "1 of the 5 secrets do not name their key: not checked"),
        ("ok", "the keys open 1 of the 5 secrets"),
    ]
    both = found(settings, "mfa-keys", MFA_KEYS=f"{lost}, {kept}")
    assert [(f.state, f.found) for f in both][1:] == [("ok", "the keys open 4 of the 5 secrets")]
    told = "".join(str(finding) for finding in (*findings, *both))
    assert not [key for key in (kept, lost, *secrets) if key in told]


@pytest.mark.parametrize(
    ("seconds", "state"), [(0.0, "ok"), (5.0, "warning"), (-5.0, "warning"), (-60.0, "fault")]
)
def test_doctor_compares_the_clocks(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], seconds: float, state: str
) -> None:
    server = administration.server(settings["DATABASE_URL"])

    def shifted(_url: str) -> administration.Server:
        return server._replace(seconds=time.time() + seconds)

    monkeypatch.setattr(administration, "server", shifted)
    clocks = [f.state for f in found(settings, "database", "worker") if f.subject == "clocks"]
    assert clocks == [state, state]


def test_doctor_warns_of_a_connection_in_clear_text(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    server = administration.server(settings["DATABASE_URL"])
    far = server._replace(is_local=False, is_encrypted=False)
    monkeypatch.setattr(administration, "server", lambda _url: far)
    assert "the connection is not encrypted" in [f.found for f in found(settings, "database")]


def test_doctor_in_production_warns_of_what_is_not_set(settings: dict[str, str]) -> None:
    mine = settings | new_secrets() | {"APP_ENV": "production", "BCRYPT_COST": "12"}
    mine |= {"PUBLIC_URL": "https://api.clinic.test"}
    texts = " ".join(f.found for f in found(mine, "settings") if f.state == "warning")
    for name in ("WEB_URL", "SMTP_URL", "MAIL_FROM", "AUDIT_SEALS_FOLDER", "TRUSTED_PROXIES"):
        assert name in texts
    assert "PUBLIC_URL is empty" not in texts


def test_doctor_logs_in_to_the_mail_server(settings: dict[str, str]) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        findings = found(settings, "mail", SMTP_URL=f"smtp+plaintext://127.0.0.1:{port}")
    assert "mail" not in faults(findings)
    assert mailbox.mails == []


def test_doctor_warns_of_a_store_of_rate_limits_that_is_away(settings: dict[str, str]) -> None:
    findings = found(settings, "rate-limits", RATE_LIMIT_STORAGE_URL="redis://127.0.0.1:1")
    assert ("warning", "rate-limits") in {(f.state, f.subject) for f in findings}


def test_doctor_command_exits_with_1_for_a_fault(
    cluster: Cluster, installation: str, tmp_path: Path
) -> None:
    url = cluster.url(installation, "telemed_api")
    sound = run_command("doctor", "context-key", "seals", url=url, AUDIT_SEALS_FOLDER=str(tmp_path))
    assert (sound.returncode, sound.stderr) == (0, "")
    assert "ok       context-key: the database accepts" in sound.stdout
    faulty = run_command("doctor", "seals", url=url, AUDIT_SEALS_FOLDER=str(tmp_path / "missing"))
    assert faulty.returncode == 1
    assert "fault    seals: " in faulty.stdout
    assert "         -> make the folder" in faulty.stdout
