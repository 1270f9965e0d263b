"""Fixtures: the server that most tests share, and people with accounts there."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import requests

from api.password_hashing import hash_password
from scripts.server import Cluster
from scripts.system import CHECKOUT
from tests.support.client import PASSWORD, Client, Contract, ok
from tests.support.server import Server, environment, serve, wait_for

_numbers = itertools.count(1)
People = Callable[..., Client]


@pytest.fixture(scope="session")
def server(
    cluster: Cluster, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A running API with a database of its own."""
    log = tmp_path_factory.mktemp("server") / "log"
    # Half of the threads may hash passwords or wait for it: enough for concurrent sign-ups.
    settings = {"WEB_CONCURRENCY": "2", "THREADS": "16"}
    with serve(cluster.url(database, "telemed_api"), log, **settings) as running:
        wait_for(running.url + "/health/ready", 200)
        yield running


@pytest.fixture(scope="session")
def roomy(
    cluster: Cluster, database: str, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server on the same database with a thread for each of many clients."""
    log = tmp_path_factory.mktemp("roomy") / "log"
    settings = {"WEB_CONCURRENCY": "2", "THREADS": "128", "DATABASE_POOL_TIMEOUT_SECONDS": "30"}
    with serve(cluster.url(database, "telemed_api"), log, **settings) as running:
        wait_for(running.url + "/health/ready", 200)
        yield running.url


@pytest.fixture(scope="session")
def stranger(server: Server) -> Client:
    """A client without an account."""
    document = requests.get(server.url + "/openapi.json", timeout=60).json()
    return Client(server.url, Contract(document))


@pytest.fixture(scope="session")
def admin(cluster: Cluster, database: str, stranger: Client) -> Iterator[Client]:
    """An admin, created on the command line like every first admin.

    After the last test, every invariant must hold.
    """
    create_admin(cluster.url(database), "chief@clinic.test")
    chief = log_in(stranger, "chief@clinic.test")
    yield chief
    invariants = ok(log_in(stranger, chief.email).get("/v1/admin/invariants"))["items"]
    assert invariants
    broken = {row["name"]: row["examples"] for row in invariants if row["violations"]}
    assert not broken, broken


@pytest.fixture(scope="session")
def new_admin(cluster: Cluster, database: str, stranger: Client) -> People:
    """Creates one more admin.

    For tests of what is counted per user: other tests use the shared admin, too.
    """

    def make() -> Client:
        email = f"admin{next(_numbers)}@clinic.test"
        values = f"'{email}', '{hash_password(PASSWORD, 4)}', 'Chief'"
        cluster.sql(f"select ops.create_admin({values})", database)
        return log_in(stranger, email)

    return make


@pytest.fixture(scope="session")
def new_patient(stranger: Client) -> People:
    """Signs up one more patient."""

    def make(full_name: str = "Pat Patient") -> Client:
        email = f"patient{next(_numbers)}@clinic.test"
        body = {"email": email, "password": PASSWORD, "full_name": full_name}
        ok(stranger.post("/v1/auth/signup", body), 201)
        return log_in(stranger, email)

    return make


@pytest.fixture(scope="session")
def new_doctor(stranger: Client, admin: Client) -> People:
    """Onboards one more doctor, with an empty calendar and a fee of 50.00 EUR."""

    def make(**more: object) -> Client:
        email = f"doctor{next(_numbers)}@clinic.test"
        body = {
            "email": email,
            "password": PASSWORD,
            "full_name": "Dora Doctor",
            "specialty": "Dermatology",
            "time_zone": "Europe/Berlin",
            "fee_minor": 5000,
            "currency": "EUR",
            **more,
        }
        ok(admin.post("/v1/admin/doctors", body), 201)
        return log_in(stranger, email)

    return make


@pytest.fixture
def patient(new_patient: People) -> Client:
    """A patient of this test alone."""
    return new_patient()


@pytest.fixture
def doctor(new_doctor: People) -> Client:
    """A doctor of this test alone."""
    return new_doctor()


def log_in(stranger: Client, email: str, password: str = PASSWORD) -> Client:
    """The stranger, logged in."""
    body = {"email": email, "password": password}
    tokens = ok(stranger.post("/v1/auth/login", body))
    client = Client(stranger.url, stranger.contract, tokens["access_token"], tokens=tokens)
    client.id = ok(client.get("/v1/me"))["id"]
    client.email = email
    return client


def create_admin(
    dba_url: str, email: str, password: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    """Run the command that creates an administrator."""
    command = ("create-admin", "--password-stdin", "--email", email, "--full-name", "Chief")
    return subprocess.run(
        (sys.executable, "-m", "api", *command),
        cwd=CHECKOUT,
        env=environment("", DBA_DATABASE_URL=dba_url),
        input=password + "\n",
        text=True,
        capture_output=True,
        timeout=60,
    )
