"""`python -m api doctor`: what is wrong with an installation, and how to mend it.

Each check tries the real thing: it logs in to the database, signs a context, opens a connection to
the mail server. No check changes anything or sends a message.
"""

import importlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import psycopg
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string

from api import administration, config, time_zones, totp
from api.config import Settings

VERSIONS = range(15, 19)  # of PostgreSQL
CLOCKS_DIFFER_SECONDS = 1.0
# A token is accepted for this long before and after its time: api/auth.py.
CLOCKS_FAIL_SECONDS = 30.0
CONTRACT = Path(__file__).resolve().parent.parent / "db/contract.txt"
DEPLOY = "deploy with the same CONTEXT_KEY: docs/migrations.md"
# Of ops.advise, as the states of a finding.
SEVERITIES: dict[str, "State"] = {"danger": "fault", "warning": "warning", "hint": "hint"}

State = Literal["ok", "hint", "warning", "fault"]


class Finding(NamedTuple):
    """What a check has found. advice: what to do; empty if nothing is wrong."""

    state: State
    subject: str
    found: str
    advice: str = ""


def examine(
    names: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """The findings of the checks `names`, by default of all. environment: as of config.load."""
    try:
        config.load(environment)
    except config.SettingsError as error:
        for text in str(error).split("; "):
            yield Finding("fault", "settings", text, "docs/settings.md explains each variable")
    try:
        settings = config.load(environment, to_serve=False)
    except config.SettingsError:
        return
    for name in names or CHECKS:
        check, variable = CHECKS[name]
        try:
            yield from check(settings)
        except psycopg.Error as error:
            yield Finding("fault", name, administration.reason(error), f"see {variable}")


def _settings(settings: Settings) -> Iterator[Finding]:
    if settings.app_env != "production":
        yield Finding(
            "warning",
            "settings",
            f"APP_ENV={settings.app_env}: weak secrets are accepted",
            "set APP_ENV=production for real patients",
        )
        return
    yield Finding("ok", "settings", "APP_ENV=production")
    missing = {
        "PUBLIC_URL": "links to calendars need the address of this API",
        "WEB_URL": "mails need the address of your application for their links",
        "SMTP_URL": "no e-mail is sent without a mail server",
        "AUDIT_SEALS_FOLDER": "without a copy of the seals whoever changes the database can also"
        " write a new chain of seals (docs/audit.md)",
    }
    for name, reason in missing.items():
        if not getattr(settings, name.lower()):
            yield Finding("warning", "settings", f"{name} is empty", reason)
    if settings.mail_from == Settings.mail_from:
        yield Finding("warning", "settings", "MAIL_FROM is the default", "set a sender of yours")
    if settings.public_url.startswith("https:") and not settings.trusted_proxies:
        yield Finding(
            "warning",
            "settings",
            "TRUSTED_PROXIES=0, but PUBLIC_URL is https",
            "set the number of proxies: otherwise rate limits count all clients as one address",
        )


def _database(settings: Settings) -> Iterator[Finding]:
    if not settings.database_url:
        return  # a fault of the settings
    yield from _server("database", "telemed_api", settings.database_url)
    if CONTRACT.exists():
        names = {
            line.split(":")[0].removeprefix("function ")
            for line in CONTRACT.read_text().splitlines()
            if line.startswith("function api.")
        }
        if absent := sorted(names - administration.functions(settings.database_url)):
            yield Finding(
                "fault",
                "schema",
                f"older than this code: {absent[0]} and {len(absent) - 1} more are missing",
                "deploy: docs/migrations.md",
            )
            return
        yield Finding("ok", "schema", f"has all {len(names)} functions of this code")


def _replica(settings: Settings) -> Iterator[Finding]:
    url = settings.database_replica_url
    if not (url and settings.database_url):
        return
    yield from _server("replica", "telemed_api", url, writes=False)
    primary, replica = administration.place(settings.database_url), administration.place(url)
    behind = f"{replica.seconds_behind:.0f} s behind"
    if not replica.is_standby:
        yield Finding(
            "fault",
            "replica",
            "DATABASE_REPLICA_URL leads to a primary, so the API does not use it",
            "name standbys and target_session_attrs=standby: docs/scaling.md",
        )
    elif replica[:2] != primary[:2]:
        yield Finding(
            "fault",
            "replica",
            "DATABASE_REPLICA_URL leads to another database than DATABASE_URL",
            "name a standby of that server, and the same database",
        )
    elif replica.seconds_behind > settings.database_replica_lag_seconds:
        yield Finding(
            "warning",
            "replica",
            f"{behind}, so the primary answers in its place",
            "see docs/runbook.md; without a worker nothing is written, and it only looks so",
        )
    else:
        yield Finding("ok", "replica", f"a standby, {behind}")


def _server(subject: str, login: str, url: str, *, writes: bool = True) -> Iterator[Finding]:
    before = time.time()
    server = administration.server(url)
    after = time.time()
    faults = {
        f"PostgreSQL {server.version} is not supported": (
            server.version not in VERSIONS,
            f"use {VERSIONS[0]} to {VERSIONS[-1]}",
        ),
        "the server is read-only": (
            server.is_read_only and writes,
            "name all servers and target_session_attrs=read-write: docs/operations.md",
        ),
        f"the login {server.login} is not {login}": (
            server.login != login,
            "row-level security and limits of time are those of the login: use that one",
        ),
    }
    for found, (is_wrong, advice) in faults.items():
        if is_wrong:
            yield Finding("fault", subject, found, advice)
    if not (server.is_encrypted or server.is_local):
        yield Finding(
            "warning",
            subject,
            "the connection is not encrypted",
            "add sslmode=verify-full and sslrootcert to the connection string",
        )
    yield Finding("ok", subject, f"PostgreSQL {server.version} answers {server.login}")
    # It was read between the two, so the clocks differ by at least this.
    difference = max(server.seconds - after, before - server.seconds, 0.0)
    if difference > CLOCKS_DIFFER_SECONDS:
        yield Finding(
            "fault" if difference > CLOCKS_FAIL_SECONDS else "warning",
            "clocks",
            f"this machine and the server of {subject} differ by {difference:.0f} s",
            "run NTP on both: tokens and contexts are valid for a time",
        )
    else:
        yield Finding("ok", "clocks", f"within a second of those of the {subject}")


def _context_key(settings: Settings) -> Iterator[Finding]:
    if not (settings.database_url and settings.context_key):
        return
    try:
        comparison = time_zones.compare(settings)
    except psycopg.Error as error:
        if error.sqlstate == "TM101":
            yield Finding("fault", "context-key", "the database does not have this key", DEPLOY)
        else:
            yield Finding(
                "fault", "context-key", f"not checked: {administration.reason(error)}", DEPLOY
            )
        return
    yield Finding("ok", "context-key", "the database accepts a context that it has signed")
    if comparison.warning:
        yield Finding("warning", "time zones", comparison.warning, "docs/operations.md")
    else:
        yield Finding("ok", "time zones", f"PostgreSQL has those of {comparison.postgresql}")


def _worker(settings: Settings) -> Iterator[Finding]:
    if not settings.worker_database_url:
        yield Finding(
            "warning",
            "worker",
            "WORKER_DATABASE_URL is missing, so its login is not checked",
            "run this command with the settings of the worker, too",
        )
    else:
        yield from _server("worker's database", "telemed_worker", settings.worker_database_url)
    if not (settings.database_url and settings.context_key):
        return
    age = administration.heartbeat_age(settings)
    if age is None or age > 2 * settings.worker_lease_seconds:
        yield Finding(
            "fault",
            "worker",
            "none is running" if age is None else f"silent for {age:.0f} s",
            "start python -m worker: without it no message is sent, and the schedule stands still",
        )
    else:
        yield Finding("ok", "worker", f"its last heartbeat is {age:.0f} s old")


def _mail(settings: Settings) -> Iterator[Finding]:
    if not settings.smtp_url:
        if settings.app_env != "production":
            yield Finding("ok", "mail", f"kept in {settings.mail_folder}")
        return
    # The worker imports the API, so nothing here may import the worker when it is loaded.
    mail = importlib.import_module("worker.mail")
    try:
        mail.SmtpChannel(settings).try_connection()
    except mail.DeliveryError as error:
        yield Finding("fault", "mail", str(error), "see SMTP_URL in docs/settings.md")
    else:
        yield Finding("ok", "mail", "the server accepts a connection with TLS and the log-in")


def _rate_limits(settings: Settings) -> Iterator[Finding]:
    url = settings.rate_limit_storage_url
    if url == config.IN_MEMORY:
        yield Finding("ok", "rate-limits", "each process counts for itself")
        return
    try:
        store = storage_from_string(url, wrap_exceptions=True)
        is_there = isinstance(store, Storage) and store.check()
    except (StorageError, OSError, ValueError):
        is_there = False
    if is_there:
        yield Finding("ok", "rate-limits", "the store answers")
    else:
        yield Finding(
            "warning",
            "rate-limits",
            "the store does not answer",
            "see RATE_LIMIT_STORAGE_URL: until then each process counts for itself",
        )


def _seals(settings: Settings) -> Iterator[Finding]:
    folder = settings.audit_seals_folder
    if not folder:
        return
    if not os.access(folder, os.W_OK):
        yield Finding(
            "fault",
            "seals",
            f"AUDIT_SEALS_FOLDER {folder} cannot be written to",
            "make the folder, owned by the user of the worker, on another disk than the database",
        )
    else:
        yield Finding("ok", "seals", f"a copy is kept in {folder}")


def _administration(settings: Settings) -> Iterator[Finding]:
    url = settings.dba_database_url
    if not url:
        yield Finding(
            "warning",
            "DBA_DATABASE_URL",
            "missing: invariants, roles, keys, queue and backups are not checked",
            "set it to the connection string of a member of telemed_dba, for this command only",
        )
        return
    broken = administration.broken_invariants(url)
    for name, violations in broken:
        yield Finding("fault", f"invariant {name}", f"{violations} rows", "docs/runbook.md")
    if not broken:
        yield Finding("ok", "invariants", "all hold")
    for severity, subject, found, advice in administration.advice(url):
        yield Finding(SEVERITIES[severity], subject, found, advice)


def _mfa_keys(settings: Settings) -> Iterator[Finding]:
    if not (settings.mfa_keys and settings.dba_database_url):
        return  # a fault of the settings, and a warning of _administration
    known = totp.key_ids(settings.mfa_keys)
    counts = administration.keys_of_secrets(settings.dba_database_url)
    names = {"second_factor": "second factors", "webhook": "webhooks"}
    for kind, name in names.items():
        total = sum(n for which, _, n in counts if which == kind)
        lost = sum(n for which, key, n in counts if which == kind and key and key not in known)
        if lost:
            yield Finding(
                "fault",
                "mfa-keys",
                f"no key of MFA_KEYS opens {lost} of the {total} secrets of {name}",
                "add the key with which they were encrypted; if it is lost, see Second factors in"
                " docs/operations.md",
            )
    total = sum(n for _, _, n in counts)
    if unnamed := sum(n for _, key, n in counts if key is None):
        yield Finding(
            "hint",
            "mfa-keys",
            f"{unnamed} of the {total} secrets do not name their key: not checked",
            "a new enrolment, or a new secret of the webhook, names it",
        )
    opened = sum(n for _, key, n in counts if key in known)
    yield Finding("ok", "mfa-keys", f"the keys open {opened} of the {total} secrets")


# By name, with the variable whose connection string a check uses.
CHECKS: dict[str, tuple[Callable[[Settings], Iterator[Finding]], str]] = {
    "settings": (_settings, ""),
    "database": (_database, "DATABASE_URL"),
    "replica": (_replica, "DATABASE_REPLICA_URL"),
    "context-key": (_context_key, "DATABASE_URL"),
    "worker": (_worker, "WORKER_DATABASE_URL"),
    "mail": (_mail, ""),
    "rate-limits": (_rate_limits, ""),
    "seals": (_seals, ""),
    "mfa-keys": (_mfa_keys, "DBA_DATABASE_URL"),
    "administration": (_administration, "DBA_DATABASE_URL"),
}
