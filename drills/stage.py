"""The clinic under test: a cluster with fsync on, a proxy in front of it, gunicorn and accounts."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from api import auth, config
from drills.proxy import Proxy
from scripts.cluster import TEMPLATE, deployed_cluster
from scripts.server import Cluster
from tests.support.server import SECRET, Server, children, environment, serve, wait_for
from tests.support.sql_client import Person

DATABASE = "telemed_faults"
# As in production: acknowledged writes must be on the disk, the database restarts after a crash.
# plpgsql_check is not loaded, because it takes time in each function.
SETTINGS = {
    "fsync": "on",
    "max_connections": "100",
    "restart_after_crash": "on",
    "shared_preload_libraries": "pg_stat_statements",
}
DOCTORS = 4
FEE_MINOR = 50_000
CURRENCY = "EUR"

PEOPLE = """
with person as (
    select app.uuid_v7() as id, n,
           case when n <= %(doctors)s then 'doctor' else 'patient' end as role
      from generate_series(1, %(doctors)s + %(patients)s) as n
),
made as (
    select p.id, p.role, app.create_user(
        p.id, format('%%s%%s@faults.test', p.role, p.n), '$2b$04$' || repeat('a', 53), 'A Name',
        p.role) from person as p
)
select id::text from made
"""
SESSIONS = """
insert into app.sessions (user_id, expires_at)
select id, now() + interval '1 year' from app.users where email like '%@faults.test'
returning user_id::text, (select role from app.users where id = user_id), id::text
"""
DOCTOR = """
insert into app.doctors (user_id, specialty, time_zone, fee_minor, currency)
select id, 'Cardiology', 'UTC', %s, %s
  from app.users where role = 'doctor' and email like '%%@faults.test'
"""
# All doctors have the same hours, so that patients can try to book two consultations at one time.
SLOTS = """
select set_config('app.request_id', 'set-up', true);
select app.set_actor(%(doctor)s, 'doctor');
insert into app.availability_slots (doctor_id, starts_at, ends_at)
select %(doctor)s, s, s + interval '10 minutes'
  from generate_series(
      date_trunc('day', now()) + interval '10 days',
      date_trunc('day', now()) + interval '10 days' + %(slots)s * interval '10 minutes',
      interval '10 minutes') as s
returning id::text
"""


TOKEN_SECONDS = 300  # after which an access token is replaced, long before it expires


@dataclass
class Account:
    """An account whose access tokens the drill signs itself, so that they never expire."""

    settings: config.Settings
    id: str
    role: str
    session_id: str
    _token: str = ""
    _issued_at: float = -TOKEN_SECONDS

    @property
    def token(self) -> str:
        """An access token that is valid."""
        if time.monotonic() - self._issued_at >= TOKEN_SECONDS:
            self._token = auth.issue(self.settings, self.id, self.role, self.session_id)
            self._issued_at = time.monotonic()
        return self._token


class Clinic:
    """People and slots in a database, and instances of the API in front of it."""

    def __init__(
        self,
        folder: Path,
        superuser_url: str,
        api_url: str,
        *,
        instances: int = 1,
        workers: int = 2,
        app: str = "",
        patients: int = 24,
        slots: int = 2000,
        host: str = "",
        secret: str = SECRET,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """superuser_url, api_url: of the database of the clinic; workers: of each instance.

        host: of its requests, for a clinic of a fleet. secret: its SECRET_KEY. settings: more
        settings of its servers.
        """
        self.folder = folder
        self.host = host
        self._secret = secret
        self.app = app
        self.superuser_url = superuser_url
        self._api_url = api_url
        self._settings = {**(settings or {}), "WEB_CONCURRENCY": str(workers)}
        self._logs = itertools.count(1)
        self._turns = itertools.count()
        self._stack = contextlib.ExitStack()
        self._settle(patients, slots)
        self.servers = [self._new_server() for _ in range(instances)]

    @property
    def address(self) -> tuple[str, int]:
        """Where the next connection goes: to one instance after the other."""
        server = self.servers[next(self._turns) % len(self.servers)]
        host, _, port = server.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    def sql(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Rows of a statement that the superuser runs without the proxy."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def seal(self) -> list[Any]:
        """Seal the audit log; the new seals, as they are exported."""
        return [s for (s,) in self.sql("select to_jsonb(s) from ops.seal_audit() as s")]

    def audit_problems(self, seals: list[Any]) -> list[str]:
        """Problems of the audit log, which is compared with exported seals."""
        found = [
            f"the audit log: {problem}, {explanation}"
            for problem, explanation in self.sql(
                "select problem, explanation from ops.verify_audit(%(seals)s::jsonb)",
                seals=json.dumps(seals),
            )
        ]
        return found if seals else ["nothing was sealed"]

    def ready(self) -> None:
        """Wait until requests are answered again."""
        for server in self.servers:
            wait_for(server.url + "/health/ready", 200, self.host)

    def _new_server(self) -> Server:
        log = self.folder / f"gunicorn-{next(self._logs)}.log"
        return self._stack.enter_context(serve(self._api_url, log, app=self.app, **self._settings))

    def _settle(self, patients: int, slots: int) -> None:
        """Make people, and slots for each doctor."""
        settings = config.load(environment("postgresql://", SECRET_KEY=self._secret))
        numbers = {"doctors": DOCTORS, "patients": patients}
        people: dict[str, list[Person]] = {"doctor": [], "patient": [], "admin": []}
        with psycopg.connect(self.superuser_url) as connection:
            connection.execute(PEOPLE, numbers)
            connection.execute(DOCTOR, (FEE_MINOR, CURRENCY))
            create = "select ops.create_admin(%s, %s, 'An Admin')"
            connection.execute(create, ("a@faults.test", "$2b$04$" + "a" * 53))
            found = connection.execute(SESSIONS).fetchall()
        for user_id, role, session_id in found:
            people[role].append(
                Person(user_id, role, session_id, Account(settings, user_id, role, session_id))
            )
        self.doctors, self.patients = people["doctor"], people["patient"]
        (self.admin,) = people["admin"]
        self.person = {p.id: p for group in people.values() for p in group}
        self.slots: dict[str, list[str]] = {}
        for doctor in self.doctors:
            self.slots[doctor.id] = self._publish(doctor.id, slots)

    def _publish(self, doctor_id: str, slots: int) -> list[str]:
        with psycopg.ClientCursor(psycopg.connect(self.superuser_url)) as cursor:
            cursor.execute(SLOTS, {"doctor": doctor_id, "slots": slots})
            cursor.nextset()
            cursor.nextset()
            ids = [row[0] for row in cursor.fetchall()]
            cursor.connection.commit()
            cursor.connection.close()
        return ids

    def close(self) -> None:
        self._stack.close()


class Stage(Clinic):
    """A clinic with a proxy in front of its database, and ways to break both."""

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        app: str,
        patients: int,
        slots: int,
        settings: Mapping[str, str] | None,
    ) -> None:
        self.cluster = cluster
        self.proxy = Proxy(cluster.socket / ".s.PGSQL.5432")
        url = (
            f"postgresql://telemed_api@127.0.0.1:{self.proxy.port}/{DATABASE}"
            "?sslmode=disable&gssencmode=disable"
        )
        super().__init__(
            folder,
            cluster.url(DATABASE),
            url,
            app=app,
            patients=patients,
            slots=slots,
            settings=settings,
        )

    @property
    def server(self) -> Server:
        return self.servers[0]

    def restart(self) -> None:
        """Start another gunicorn, then tell the old one to stop (SIGTERM)."""
        old = self.server
        self.servers = [self._new_server()]
        old.process.send_signal(signal.SIGTERM)
        old.process.wait(60)

    def reload(self) -> None:
        """Tell gunicorn to replace its workers (SIGHUP)."""
        self.server.process.send_signal(signal.SIGHUP)

    def workers(self) -> list[int]:
        return children(self.server.process.pid)

    def kill_database(self) -> None:
        """SIGKILL all processes of the database, then start it."""
        kill(self.cluster)
        self.cluster.start()

    def close(self) -> None:
        super().close()
        self.proxy.close()


@contextlib.contextmanager
def clinic_at_work(
    cluster: Cluster,
    folder: Path,
    *,
    app: str = "",
    patch: str = "",
    patients: int = 24,
    slots: int = 2000,
    template: str = TEMPLATE,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """A clinic in a fresh database of `cluster`, a copy of `template`.

    app: another WSGI application than the API's own; patch: SQL that breaks the schema; settings:
    of its servers.
    """
    cluster.drop_database(DATABASE)
    cluster.create_database(DATABASE, template)
    if patch:
        cluster.sql(patch, DATABASE)
    clinic = Stage(cluster, folder, app, patients, slots, settings)
    try:
        yield clinic
    finally:
        clinic.close()


@contextlib.contextmanager
def durable_cluster(
    parent: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A throw-away cluster with fsync on, as in production, and with the deployed schema."""
    with deployed_cluster({**SETTINGS, **(settings or {})}, parent) as cluster:
        # Doctors of a drill complete consultations at any time.
        cluster.sql("update app.clinic_settings set completion_lead = '1000 years'", TEMPLATE)
        yield cluster


def kill(cluster: Cluster) -> None:
    """SIGKILL all processes of a server."""
    pid_file = cluster.data / "postmaster.pid"
    postmaster = int(pid_file.read_text().split("\n", 1)[0])
    for pid in (postmaster, *children(postmaster)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while cluster.running():  # the kernel may need a moment
        time.sleep(0.01)
