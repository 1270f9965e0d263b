"""The demo clinic, accounts for every role, and Schemathesis as each of them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from api import auth, config
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError
from tests.support.client import at
from tests.support.demo import load_demo_data
from tests.support.server import Server, environment, serve, wait_for

ROLES = ("anonymous", "patient", "doctor", "admin")
PHASES = ("examples", "coverage", "fuzzing", "stateful")
SETTINGS = {"ACCESS_TOKEN_EXPIRE_MINUTES": "60"}  # as long as the drill takes
HASH = "$2b$04$" + "." * 53  # the hash of no known password
FOLDER = Path(__file__).parent
NOWHERE = "00000000-0000-4000-8000-000000000000"
GIVE_UP_SECONDS = 1800  # for one role
NOT_DOCUMENTED = ("HEAD ", "OPTIONS ")  # methods that every path has

# Accounts whose sessions end, and the sessions of all accounts.
OTHERS = {
    "patient": """
select app.create_user(app.uuid_v7(), 'patient' || n || '@fuzz.test', %(hash)s, 'A Name', 'patient')
  from generate_series(1, %(count)s) as n""",
    "doctor": """
with person as materialized (
    select app.uuid_v7() as id, n from generate_series(1, %(count)s) as n
),
made as materialized (
    select id, app.create_user(id, 'doctor' || n || '@fuzz.test', %(hash)s, 'A Name', 'doctor')
      from person
)
insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency)
select id, 'Cardiology', 'UTC', 5000, 'EUR' from made""",
    "admin": """
select ops.create_admin('admin' || n || '@fuzz.test', %(hash)s, 'A Name')
  from generate_series(1, %(count)s) as n""",
}
SESSIONS = """
insert into app.sessions (user_id)
select id from app.users
 where email like role || '%@fuzz.test' or email = role || '@example.com'
returning user_id::text, id::text"""
# Webhooks that may be deleted, the calendars of all patients and doctors, and open video rooms.
TOKEN = "rpad(replace(id::text, '-', 'a'), 43, 'a')"
CONNECTED = (
    """
insert into app.webhook_endpoints (url, secret)
select 'https://hooks.clinic.example/' || n, 'none' from generate_series(1, %(count)s) as n""",
    f"""
insert into app.calendar_feeds (user_id, token_hash)
select id, sha256(convert_to({TOKEN}, 'UTF8')) from app.users
 where role in ('patient', 'doctor')""",
    "update app.clinic_settings set video_lead = '1 year'",
)
# Values by the name of their dictionary, for the caller %(id)s of %(role)s.
VALUES = {
    "calendars": f"""
select {TOKEN} from app.users where role in ('patient', 'doctor')
 order by email like '%%@fuzz.test', id limit 60""",
    "consultations": """
(select id::text from app.consultations
  where %(role)s = 'admin' or %(id)s in (patient_id::text, doctor_id::text)
  order by starts_at desc limit 60)
union all
(select id::text from app.consultations order by id limit 5)""",
    "doctors": "select user_id::text from app.doctors order by user_id limit 14",
    "open_slots": """
select id::text from app.availability_slots where status = 'open' and starts_at > now()
 order by starts_at limit 2000""",
    "own_slots": """
select id::text from app.availability_slots where status = 'open' and starts_at > now()
 order by (doctor_id::text = %(id)s) desc, starts_at desc limit 500""",
    "payments": "select id::text from app.payments order by id limit 60",
    "sessions": """
select s.id::text from app.sessions as s join app.users as u on u.id = s.user_id
 where u.email like %(role)s || '%%@fuzz.test' limit 20""",
    "users": """
select id::text from app.users where email like 'patient%%@fuzz.test' order by id limit 20""",
    "webhooks": "select id::text from app.webhook_endpoints order by id limit 300",
}
VIOLATIONS = "select name, examples from ops.check_invariants() where violations > 0"


@dataclass(frozen=True)
class Plan:
    """How much is sent; examples: of each operation at random, and sequences of operations."""

    seed: int
    examples: int
    phases: Sequence[str] = PHASES
    others: int = 300  # accounts of each role whose sessions may end
    more: Sequence[str] = ()  # further arguments of Schemathesis


@dataclass
class Answered:
    """What one role sent and got; answers: by method, path and status."""

    role: str
    cases: int = 0
    seconds: float = 0
    answers: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, str]] = field(default_factory=list)
    output: str = ""

    @property
    def succeeded(self) -> set[str]:
        """The operations that had an answer 2xx."""
        found = (answer.rpartition(" ") for answer in self.answers)
        return {
            operation
            for operation, _, status in found
            if status.startswith("2") and not operation.startswith(NOT_DOCUMENTED)
        }


class Clinic:
    """A database with the demo data, and callers of every role."""

    def __init__(self, cluster: Cluster, database: str, others: int) -> None:
        self.cluster = cluster
        self.database = database
        settings = config.load(environment("postgresql://nowhere", **SETTINGS))
        load_demo_data(cluster, database)
        # Failed log-ins would lock the accounts of the examples.
        cluster.sql("update app.log_in_limits set free_attempts = 1000000", database)
        self.tokens: dict[str, list[str]] = {"anonymous": [""]}
        self.ids = {"anonymous": NOWHERE}
        with psycopg.connect(cluster.url(database)) as connection:
            for statement in (*OTHERS.values(), *CONNECTED):
                connection.execute(statement.encode(), {"count": others, "hash": HASH})
            sessions = dict(connection.execute(SESSIONS.encode()).fetchall())
            people = connection.execute(
                "select id::text, role, email from app.users where id = any(%s)"
                " order by email not like '%%@example.com', id",
                (list(sessions),),
            ).fetchall()
        for id_, role, _ in people:
            self.ids.setdefault(role, id_)
            token = auth.issue(settings, id_, role, sessions[id_])
            self.tokens.setdefault(role, []).append(token)

    def dictionaries(self, role: str) -> dict[str, list[str]]:
        """The values of each dictionary for a role."""
        days = [str(at(day).date()) for day in (-30, -7, 0, 1, 7, 30)]
        # Months ahead the doctor of the demo clinic has no slots.
        times = [at(100 + n, 9) for n in range(20)]
        found = {
            "days": days,
            "starts": [f"{time:%Y-%m-%dT%H}:00:00Z" for time in times],
            "ends": [f"{time:%Y-%m-%dT%H}:30:00Z" for time in times],
        }
        caller = {"id": self.ids[role], "role": role}
        with psycopg.connect(self.cluster.url(self.database)) as connection:
            for name, query in VALUES.items():
                rows = connection.execute(query.encode(), caller).fetchall()
                found[name] = [value for (value,) in rows] or [NOWHERE]
        return found

    def violations(self) -> dict[str, Any]:
        """The invariants that do not hold."""
        with psycopg.connect(self.cluster.url(self.database)) as connection:
            return dict(connection.execute(VIOLATIONS).fetchall())


@contextlib.contextmanager
def demo_clinic(
    cluster: Cluster, database: str, folder: Path, others: int, app: str = ""
) -> Iterator[tuple[Clinic, Server]]:
    """The clinic and its server. app: another WSGI application than the API's own."""
    clinic = Clinic(cluster, database, others)
    url = cluster.url(database, "telemed_api")
    with serve(url, folder / "api.log", app=app, **SETTINGS) as server:
        wait_for(server.url + "/health/ready", 200)
        yield clinic, server


def send(clinic: Clinic, url: str, role: str, plan: Plan, folder: Path) -> Answered:
    """Have Schemathesis call the server as a role. Raises CommandError if it cannot work."""
    shutil.copy(FOLDER / "schemathesis.toml", folder)
    for name, values in clinic.dictionaries(role).items():
        lines = "".join(f"{json.dumps(value)}\n" for value in values)
        (folder / f"{name}.dict").write_text(lines)
    token, *others = clinic.tokens[role]
    caller, record = folder / "caller.json", folder / "record.json"
    caller.write_text(json.dumps({"token": token, "others": others}))
    record.unlink(missing_ok=True)
    command = (
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(folder / "schemathesis.toml"), "--no-color"),
        *("run", f"{url}/openapi.json", "--url", url),
        *("--phases", ",".join(plan.phases), "--max-examples", str(plan.examples)),
        *("--seed", str(plan.seed + ROLES.index(role))),
        *plan.more,
    )
    began = time.monotonic()
    result = subprocess.run(
        command,
        cwd=folder,
        env=_environment(FUZZ_CALLER=str(caller), FUZZ_RECORD=str(record)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=GIVE_UP_SECONDS,
    )
    seconds = time.monotonic() - began
    if result.returncode not in (0, 1) or not record.exists():
        raise CommandError(f"Schemathesis could not work as {role}:\n{result.stdout[-4000:]}")
    recorded = json.loads(record.read_text())
    if result.returncode and not recorded["faults"]:
        raise CommandError(f"Schemathesis failed as {role}:\n{result.stdout[-4000:]}")
    return Answered(
        role,
        recorded["cases"],
        seconds,
        Counter(recorded["answers"]),
        Counter(recorded["checks"]),
        recorded["faults"],
        result.stdout,
    )


def bugs(server: Server) -> list[str]:
    """The lines of the server's log about unexpected errors."""
    return [line for line in server.output.splitlines() if '"event": "bug"' in line]


def _environment(**more: str) -> Mapping[str, str]:
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return inherited | {"PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1"} | more
