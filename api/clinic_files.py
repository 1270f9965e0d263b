"""The file that CLINICS names: the clinics of a fleet, their hosts and their settings.

It is TOML, with a table for each clinic:

    [berlin]
    hosts = ["berlin.clinic.example"]
    settings = "berlin.env"

`settings` is the path, from the folder of this file, of a file like `.env` with the variables of
that clinic. Each clinic has a database and keys of its own, so that no token, key or cursor of one
is valid at another.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dotenv import dotenv_values

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
# What each clinic must have of its own.
OWN = ("DATABASE_URL", "SECRET_KEY", "CONTEXT_KEY", "MFA_KEYS")
# What else may differ between clinics. Everything else is a setting of the processes.
OTHERS = (
    *("ALGORITHM", "SECRET_KEYS_RETIRED", "TOKEN_ISSUER", "TOKEN_AUDIENCE"),
    *("DATABASE_POOLER", "DATABASE_POOL_SIZE", "DATABASE_REPLICA_URL"),
    *("DBA_DATABASE_URL", "WORKER_DATABASE_URL"),
    *("PUBLIC_URL", "WEB_URL", "MAIL_FROM", "MAIL_FOLDER", "SMTP_URL", "SMS_URL", "SMS_TOKEN"),
    *("VIDEO_PROVIDER", "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"),
    *("JITSI_URL", "JITSI_APP_ID", "JITSI_SECRET", "AUDIT_SEALS_FOLDER", "WEBHOOK_ALLOWED_HOSTS"),
    # Of the deployment
    *("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"),
    *("API_DATABASE_PASSWORD", "WORKER_DATABASE_PASSWORD", "MFA_REQUIRED_ROLES"),
)
SEVERAL = ("SECRET_KEYS_RETIRED", "MFA_KEYS")  # values with commas between them


class Clinic(NamedTuple):
    """A clinic. variables: those of its file."""

    name: str
    hosts: tuple[str, ...]
    variables: dict[str, str]


def read(path: str) -> dict[str, Clinic]:
    """The clinics of a file, by name, in its order. Raises ValueError, with one line."""
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"CLINICS: {path} cannot be read: {error}") from None
    if not tables:
        raise ValueError(f"CLINICS: {path} has no clinic")
    clinics = {name: _clinic(name, table, Path(path).parent) for name, table in tables.items()}
    _require_differences(clinics)
    return clinics


def _clinic(name: str, table: Any, folder: Path) -> Clinic:
    if not NAME.fullmatch(name) or not isinstance(table, dict):
        raise ValueError(
            f"CLINICS: {name} must be a table with a name of at most 40 letters in lower case,"
            " digits and -"
        )
    if sorted(table) != ["hosts", "settings"]:
        raise ValueError(f"CLINICS: {name} must have hosts and settings, and nothing else")
    hosts, file = table["hosts"], table["settings"]
    are_names = isinstance(hosts, list) and all(
        isinstance(host, str) and HOST.fullmatch(host) for host in hosts
    )
    if not (hosts and are_names and isinstance(file, str)):
        raise ValueError(
            f"CLINICS: {name} needs hosts such as berlin.clinic.example, in lower case and without"
            " a port, and the path of a file of settings"
        )
    path = folder / file
    if not path.is_file():
        raise ValueError(f"CLINICS: {name}: the file {path} is missing")
    found = dotenv_values(path, interpolate=False)
    variables = {key: value.strip() for key, value in found.items() if value and value.strip()}
    if wrong := sorted(variables.keys() - {*OWN, *OTHERS}):
        raise ValueError(f"CLINICS: {name}: {wrong[0]} is a setting of all clinics together")
    if missing := [key for key in OWN if key not in variables]:
        raise ValueError(f"CLINICS: {name}: {missing[0]} is missing in {path}")
    return Clinic(name, tuple(hosts), variables)


def _require_differences(clinics: dict[str, Clinic]) -> None:
    owners: dict[tuple[str, str], str] = {}
    for clinic in clinics.values():
        for kind, value in _unique(clinic):
            owner = owners.setdefault((kind, value), clinic.name)
            if owner != clinic.name:  # the value may be a secret
                raise ValueError(f"CLINICS: {owner} and {clinic.name} have the same {kind}")


def _unique(clinic: Clinic) -> Iterator[tuple[str, str]]:
    for host in clinic.hosts:
        yield "host", host
    for name in ("DATABASE_URL", "SECRET_KEY", "CONTEXT_KEY"):
        yield name, clinic.variables[name]
    if replica := clinic.variables.get("DATABASE_REPLICA_URL"):
        yield "DATABASE_REPLICA_URL", replica
    for name in SEVERAL:
        for value in clinic.variables.get(name, "").split(","):
            if value.strip():
                # A key that one clinic has retired is not the present one of another.
                yield name.replace("SECRET_KEYS_RETIRED", "SECRET_KEY"), value.strip()
