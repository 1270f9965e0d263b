"""scripts/deploy.sh without a superuser, and what it leaves in logs and statistics."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from api import context
from scripts.cluster import (
    TEMPLATE,
    THROWAWAY_CONTEXT_KEY,
    THROWAWAY_SETTINGS,
    deployed_cluster,
    throwaway_cluster,
)
from scripts.server import Cluster
from scripts.system import CHECKOUT, run
from tests.support.client import PASSWORD as CLIENT_PASSWORD
from tests.support.client import Client, Contract, new_key, ok, problem
from tests.support.people import create_admin, log_in
from tests.support.schema import OWNER, verified
from tests.support.server import serve, wait_for

DATABASE = "telemed_managed"
MASTER = "master"  # the main login of a managed server: CREATEROLE, CREATEDB, not a superuser
PASSWORD = "canary-password-of-the-api"
CONTEXT_KEY = r"canary-context-key \n with a backslash, 'quotes' and $dollars$"
# Settings with which a server logs all statements and parameters.
VERBOSE = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_min_error_statement": "debug5",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "pg_stat_statements.track": "all",
    "pg_stat_statements.track_utility": "on",
}


@pytest.fixture(scope="module")
def managed() -> Iterator[Cluster]:
    """A managed server with another database, which logs all statements and parameters."""
    with throwaway_cluster(THROWAWAY_SETTINGS | VERBOSE) as cluster:
        cluster.sql(f"create role {MASTER} login createrole createdb")
        for name, attributes in (
            ("no_rights", ""),
            ("no_databases", "createrole"),
            ("no_roles", "createdb"),
        ):
            cluster.sql(f"create role {name} login {attributes}")
        cluster.sql("create role neighbour login")
        cluster.sql("create database neighbour owner neighbour")
        cluster.sql("create table notes as select 'untouched' as text", "neighbour")
        cluster.sql("create extension pg_stat_statements", "postgres")
        yield cluster


@pytest.fixture(scope="module")
def deployed(managed: Cluster) -> Cluster:
    """The same server, after a deployment by a login that is not a superuser."""
    before = neighbours(managed)
    settings = {"API_DATABASE_PASSWORD": PASSWORD, "CONTEXT_KEY": CONTEXT_KEY}
    result = deploy(managed, MASTER, DEPLOY_VERIFY="no", **settings)
    assert result.returncode == 0, result.stderr
    assert f"deploy: the database {DATABASE} is up to date" in result.stdout
    assert neighbours(managed) == before
    return managed


def deploy(
    cluster: Cluster, login: str, database: str = DATABASE, **settings: str
) -> subprocess.CompletedProcess[str]:
    environment = cluster.environment(database, login)
    for name in ("APP_ENV", "MFA_REQUIRED_ROLES", "CONTEXT_KEY", "API_DATABASE_PASSWORD", "PYTHON"):
        environment.pop(name, None)
    return subprocess.run(
        ("sh", "scripts/deploy.sh"),
        cwd=CHECKOUT,
        env=environment | settings,
        text=True,
        capture_output=True,
        timeout=300,
    )


def neighbours(cluster: Cluster) -> list[str]:
    """What a deployment must not change: other databases and other roles."""
    return [
        cluster.sql(query, database)
        for query, database in (
            (
                "select datname, datdba, datacl from pg_database where datname !~ '^telemed'",
                "postgres",
            ),
            (
                "select r::text from pg_roles as r where r.rolname !~ '^telemed_' order by 1",
                "postgres",
            ),
            ("select * from notes", "neighbour"),
            ("select c.oid, c.relname, c.relacl from pg_class as c order by 1", "neighbour"),
        )
    ]


def test_deployment_without_createrole_names_what_is_missing(managed: Cluster) -> None:
    if managed.sql("select to_regrole('telemed_owner') is null") != "t":
        pytest.skip("deployed already: run the whole file")
    for login in ("no_rights", "no_roles"):
        result = deploy(managed, login)
        assert result.returncode == 1
        assert result.stderr.splitlines() == [
            f"deploy: the login {login} must have CREATEROLE and CREATEDB (or be a superuser):"
            " the roles of the product are not there yet"
        ]
    result = deploy(managed, "no_databases")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"deploy: the database {DATABASE} is not there yet, and the login no_databases must have"
        " CREATEDB to create it"
    ]
    assert managed.sql("select count(*) from pg_roles where rolname ~ '^telemed_'") == "0"


def test_deployment_without_superuser_succeeds_and_the_owner_owns_everything(
    deployed: Cluster,
) -> None:
    assert deployed.sql(f"select rolsuper from pg_roles where rolname = '{MASTER}'") == "f"
    owners = """
        select distinct relowner::regrole from pg_class
        where relnamespace::regnamespace::text in (
            'app', 'api', 'ops', 'procrastinate', 'sqitch')
        union
        select datdba::regrole from pg_database where datname = current_database()
        order by 1"""
    assert set(deployed.sql(owners, DATABASE).split()) == {"telemed_owner", "telemed_internal"}


def test_deployment_on_a_managed_server_is_complete(deployed: Cluster) -> None:
    result = verified(deployed, DATABASE, MASTER)
    assert (result.returncode, result.stderr) == (0, "")
    broken = "select name, examples from ops.check_invariants() where violations > 0"
    assert deployed.sql(broken, DATABASE) == ""


def test_clinic_works_on_a_managed_server(deployed: Cluster) -> None:
    """DBAs act as users, through roles that the deploying login created."""
    for statement in (
        "create role ada login in role telemed_dba",
        f"grant connect on database {DATABASE} to ada",
    ):
        with psycopg.connect(deployed.url("postgres", MASTER), autocommit=True) as master:
            master.execute(statement.encode())
    url = deployed.url(DATABASE, "ada")
    bcrypt = "$2b$04$" + "a" * 53
    with psycopg.connect(url) as dba:
        dba.execute("select ops.create_admin('admin@clinic.test', %s, 'Ada')", (bcrypt,))
        dba.commit()
        dba.execute("select ops.act_as('admin@clinic.test')")
        dba.execute(
            "select api.onboard_doctor('doctor@clinic.test', %s, 'Dora', 'Cardiology',"
            " 'Europe/Berlin', 5000, 'EUR')",
            (bcrypt,),
        )
        dba.execute("select ops.act_as(null)")
        dba.execute("select api.sign_up('patient@clinic.test', %s, 'Pat')", (bcrypt,))
        dba.execute("select ops.act_as('doctor@clinic.test')")
        ((slot,),) = dba.execute(
            "select id from api.publish_slot(now() + interval '1 day', now() + interval '25 hours')"
        ).fetchall()
        dba.execute("select ops.act_as('patient@clinic.test')")
        ((status,),) = dba.execute(
            "select status from api.book_consultation(%s, 'Itching', 'key-1')", (slot,)
        ).fetchall()
        assert status == "scheduled"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            dba.execute("select * from app.users")


def test_second_deployment_by_a_member_of_the_owner_succeeds(deployed: Cluster) -> None:
    again = deploy(deployed, MASTER)
    assert again.returncode == 0, again.stderr
    # A later deployment needs only a member of telemed_owner, without CREATEROLE and CREATEDB.
    with psycopg.connect(deployed.url("postgres", MASTER), autocommit=True) as master:
        master.execute("create role deployer login in role telemed_owner")
    member = deploy(deployed, "deployer")
    assert member.returncode == 0, member.stderr
    stranger = deploy(deployed, "no_rights")
    assert stranger.stderr.splitlines() == [
        "deploy: the login no_rights must be a member of telemed_owner:"
        " grant telemed_owner to no_rights"
    ]


def test_right_refused_by_a_managed_server_is_a_note(deployed: Cluster) -> None:
    """Since PostgreSQL 16, granting pg_monitor requires ADMIN OPTION on it."""
    lines = deploy(deployed, MASTER).stdout.splitlines()
    notes = [line for line in lines if line.startswith("deploy: note: ")]
    about_roles = [note for note in notes if "pg_monitor" in note or "pg_signal_backend" in note]
    member = deployed.sql("select pg_has_role('telemed_dba', 'pg_monitor', 'member')") == "t"
    assert len(about_roles) == (0 if member else 2)
    assert any("log_parameter_max_length" in note for note in notes)
    # Only a role that has BYPASSRLS itself can give it, and it has had no way to get it.
    assert any("telemed_backup cannot read every row" in note for note in notes)
    assert deployed.sql("select pg_has_role('telemed_backup', 'pg_read_all_data', 'member')") == "f"
    advice = "select subject, found from ops.advise() where subject ~ '^role telemed_'"
    found = deployed.sql(advice, DATABASE)
    assert ("role telemed_dba" in found) is not member
    assert "role telemed_backup|cannot read every row" in found
    assert "role telemed_api|log_parameter_max_length is not 0" in found


def test_deployment_sends_a_verifier_instead_of_the_password(deployed: Cluster) -> None:
    """RFC 5802, section 3: the test computes the verifier again, from the stored salt."""
    stored = deployed.sql("select rolpassword from pg_authid where rolname = 'telemed_api'")
    found = re.fullmatch(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)", stored)
    assert found, stored
    salt = base64.b64decode(found[2])
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, int(found[1]))
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    assert (int(found[1]), len(salt)) == (4096, 16)
    assert base64.b64decode(found[3]) == stored_key
    assert base64.b64decode(found[4]) == server_key


@pytest.mark.parametrize("password", ["pässword", "two\nlines"])
def test_password_with_two_possible_encodings_is_refused(deployed: Cluster, password: str) -> None:
    result = deploy(deployed, MASTER, API_DATABASE_PASSWORD=password)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "deploy: API_DATABASE_PASSWORD cannot be used"
    assert password not in result.stderr


def test_context_key_is_stored_unchanged(deployed: Cluster) -> None:
    keys = "select convert_from(key, 'UTF8') from app.context_keys where id <> 'database'"
    assert deployed.sql(keys, DATABASE) == CONTEXT_KEY


def test_deployment_leaves_no_secret_in_log_or_statistics(deployed: Cluster) -> None:
    statements = deployed.sql("select string_agg(query, ' ') from pg_stat_statements")
    log = deployed.log.read_text()
    for text in (statements, log):
        assert "alter role telemed_api password 'SCRAM-SHA-256" in text  # the statement is recorded
        assert "canary" not in text


def test_deployment_needs_neither_environment_nor_user_name(deployed: Cluster) -> None:
    """As in a container with an arbitrary user id; deploys the newest change again."""
    managed, owner = deployed, deployed.environment(DATABASE, MASTER) | OWNER
    run(("sqitch", "revert", "-y", "--to", "@HEAD^", f"db:pg:{DATABASE}"), owner)
    copy = Path(tempfile.mkdtemp(prefix="telemedicine-deploy-", dir="/tmp"))
    try:
        # Only the files of the image.
        stage = re.split(r"^FROM ", (CHECKOUT / "Dockerfile").read_text(), flags=re.M)
        sent = (CHECKOUT / ".dockerignore").read_text().splitlines()
        for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", stage[-1], re.M):
            for name in sources.split():
                assert f"!{name}" in sent
                (copy / name).parent.mkdir(exist_ok=True)
                (shutil.copytree if (CHECKOUT / name).is_dir() else shutil.copy)(
                    CHECKOUT / name, copy / name
                )
        environment = managed.environment(DATABASE, MASTER)
        kept = {"PATH", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE"}
        user: tuple[str, ...] = ()
        if os.geteuid() == 0:
            user = ("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "--")
            subprocess.run(("chmod", "-R", "a+rX", copy), check=True)
            managed.socket.chmod(0o711)
        # In the image every user may run the Python of the packages; here perhaps not.
        imports = ("sh", "-c", '"$0" -c "import procrastinate"', sys.executable)
        shared = subprocess.run((*user, *imports), cwd=copy, capture_output=True)
        python = sys.executable if shared.returncode == 0 else "true"
        result = subprocess.run(
            (*user, "sh", "scripts/deploy.sh"),
            cwd=copy,
            env={name: value for name, value in environment.items() if name in kept}
            | {"API_DATABASE_PASSWORD": PASSWORD, "PYTHON": python, "DEPLOY_VERIFY": "no"},
            text=True,
            capture_output=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stderr
        last = "select committer_name, committer_email from sqitch.changes order by committed_at"
        assert managed.sql(f"{last} desc limit 1", DATABASE) == (
            "telemedicine deployment|deployment@telemedicine.invalid"
        )
        plan = (CHECKOUT / "sqitch.plan").read_text()
        changes = set(re.findall(r"^(\w+/\w+)", plan, re.M))
        assert not [name for name in changes if not (copy / f"db/deploy/{name}.sql").is_file()]
    finally:
        managed.socket.chmod(0o700)
        shutil.rmtree(copy)


# Parameters of requests. None may be in the log.
CANARIES = ("canary-reason", "canary-name", "canary-mail", "$2b$04$")


def test_verbose_server_log_has_no_parameter_of_the_api(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with deployed_cluster(THROWAWAY_SETTINGS | VERBOSE) as cluster:
        cluster.create_database(DATABASE, TEMPLATE)
        create_admin(cluster.url(DATABASE), "chief-canary-mail@clinic.test")
        log = tmp_path_factory.mktemp("verbose") / "log"
        with serve(cluster.url(DATABASE, "telemed_api"), log) as server:
            wait_for(server.url + "/health/ready", 200)
            document = requests.get(server.url + "/openapi.json", timeout=60).json()
            stranger = Client(server.url, Contract(document))
            body = {"password": CLIENT_PASSWORD, "full_name": "canary-name"}
            ok(stranger.post("/v1/auth/signup", body | {"email": "canary-mail@clinic.test"}), 201)
            patient = log_in(stranger, "canary-mail@clinic.test")
            admin = log_in(stranger, "chief-canary-mail@clinic.test")
            practice = {"specialty": "Dermatology", "time_zone": "Europe/Berlin"}
            money = {"fee_minor": 5000, "currency": "EUR"}
            account = body | {"email": "doctor-canary-mail@clinic.test"}
            ok(admin.post("/v1/admin/doctors", account | practice | money), 201)
            doctor = log_in(stranger, "doctor-canary-mail@clinic.test")
            slot = doctor.publish()
            consultation = patient.book(slot, reason="canary-reason")
            problem(
                patient.post(
                    "/v1/consultations",
                    {"slot_id": slot["id"], "reason": "canary-reason again"},
                    key=new_key(),
                ),
                409,
            )
            problem(stranger.post("/v1/auth/signup", account), 409, "TM911")
            problem(doctor.get("/v1/slots", specialty="canary-reason", cursor="x"), 422)
        # Errors of PostgreSQL itself, for which it could log the parameters.
        with psycopg.connect(cluster.url(DATABASE, "telemed_api"), autocommit=True) as api:
            for value in ("canary-reason" * 1000, "canary-\x1fname"):
                with pytest.raises(psycopg.Error):
                    api.execute("select api.sign_up('a@b.test', '$1', %s)", (value,))
        text = cluster.log.read_text()
        assert "book_consultation" in text  # statements are logged
        assert "duration: " in text
        assert consultation["id"] not in text
        key_id = context.key_id(THROWAWAY_CONTEXT_KEY)
        found = [canary for canary in (*CANARIES, key_id) if canary in text]
        assert not found, [line for line in text.splitlines() if found[0] in line][:3]
