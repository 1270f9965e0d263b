"""`make run`: the clinic on this computer, with a database of its own and demo data."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from api import config, totp
from api.password_hashing import hash_password
from scripts import inbox
from scripts.cluster import DBA_LOGIN, deploy, development_cluster, shared
from scripts.server import DATABASE, Cluster
from scripts.system import CHECKOUT, CommandError, command_line, run, say
from worker import schema

RATE_LIMITS = ("RATE_LIMIT", "RATE_LIMIT_AUTH")
DEMO_PASSWORD = "telemedicine-demo"  # noqa: S105
ACCOUNTS = ("admin@example.com", "doctor@example.com", "patient@example.com")
MAKE_DBA_LOGIN = f"""
    do $$ begin
        if to_regrole('{DBA_LOGIN}') is null then
            create role {DBA_LOGIN} login in role telemed_dba;
        end if;
    end $$
"""
PSQL = ("psql", "-XAtq", "-1", "-v", "ON_ERROR_STOP=1")
# Beside the server's lines, which tell what a request has done, those of each job are many.
WORKER_LOG = CHECKOUT / ".local" / "worker.log"
DEMO_LOADED = f"select count(*) from app.users where email = '{ACCOUNTS[0]}'"


def main() -> None:
    host, port = listening_address()
    require_free_port(host, port)
    cluster = development_cluster()
    say(f"run: starting a private PostgreSQL {cluster.version} in {cluster.base}")
    with shared(cluster, prepare):
        serve(cluster, host, port)


def listening_address() -> tuple[str, int]:
    chosen = given()
    port = chosen.get("PORT") or "8000"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(f"PORT={port} is not a port number")
    return chosen.get("HOST") or "127.0.0.1", int(port)


def given() -> dict[str, str]:
    """The environment over .env, without empty values, except for rates."""
    return {
        name: value
        for name, value in config.from_process().items()
        if value.strip() or name in RATE_LIMITS
    }


def require_free_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"cannot listen on {host}:{port} ({error.strerror}): choose another with PORT=8001"
            ) from None


def prepare(cluster: Cluster) -> None:
    """Deploy what is new; make the demo data and the signing key, once."""
    chosen = settings(cluster)
    try:
        config.load(chosen)
    except config.SettingsError as error:
        raise CommandError(str(error)) from None
    context_key, roles = chosen["CONTEXT_KEY"], chosen.get("MFA_REQUIRED_ROLES", "")
    deployed = cluster.data.with_suffix(".deployed")
    wanted = fingerprint(context_key, roles)
    if not deployed.exists() or deployed.read_text() != wanted:
        say("run: deploying the database")
        try:
            deploy(cluster, context_key=context_key, mfa_required_roles=roles)
            # Finds functions that were edited in place after they had been deployed here.
            run(("sqitch", "--quiet", "check", f"db:pg:{DATABASE}"), cluster.environment())
        except CommandError as problem:
            raise CommandError(
                f"{problem}\nrun: if db/ has been edited since the development database was made,"
                " `make clean` removes it and `make run` makes a new one"
            ) from None
        cluster.sql(MAKE_DBA_LOGIN)
        deployed.write_text(wanted)
    # Months go by while the database is the same.
    cluster.sql("set role telemed_owner; select ops.create_partitions()", DATABASE)
    if cluster.sql(DEMO_LOADED, DATABASE) == "0":
        say("run: loading the demo data")
        load_demo_data(cluster)
    # The first slots end after a week, and the database may be older.
    run((*PSQL, "-f", "db/demo/demo_slots.sql"), cluster.environment())


def secret(cluster: Cluster, name: str, make: Callable[[], str]) -> str:
    """A key in a file beside the data, made when missing, so that sessions survive a restart."""
    path = cluster.base / name
    if not path.exists():
        with open(path, "x", opener=private) as file:
            file.write(make())
    return path.read_text()


def random_key() -> str:
    return secrets.token_urlsafe(48)


def private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def fingerprint(*settings: str) -> str:
    """Of everything that a deployment puts into the database."""
    digest = hashlib.sha256("\0".join(settings).encode(errors="surrogateescape"))
    for path in (CHECKOUT / "sqitch.plan", *sorted((CHECKOUT / "db/deploy").rglob("*.sql"))):
        digest.update(os.fsencode(path.relative_to(CHECKOUT)) + b"\0" + path.read_bytes())
    digest.update(schema.latest().encode())
    return digest.hexdigest()


def load_demo_data(cluster: Cluster) -> None:
    cost = config.load(settings(cluster), to_serve=False).bcrypt_cost
    variable = f"password_hash={hash_password(DEMO_PASSWORD, cost)}"
    run((*PSQL, "-v", variable, "-f", "db/demo/demo_data.sql"), cluster.environment())


def serve(cluster: Cluster, host: str, port: int) -> None:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if "DATABASE_URL" in given():
        say("run: the server uses the DATABASE_URL that is set, not the private database")
    say("run: starting the server and a worker")
    environment = settings(cluster)
    WORKER_LOG.parent.mkdir(exist_ok=True)
    with (
        started(
            environment,
            *("gunicorn", "-c", "gunicorn.conf.py", "--bind", bind, "api.app:create_app()"),
        ) as server,
        WORKER_LOG.open("wb") as log,
        started(environment, "worker", log=log) as worker,
    ):
        try:
            wait_until_ready(server, host, port)
            announce(f"http://{visible(host)}:{port}", mail_place(environment))
            while True:
                for name, process in (("server", server), ("worker", worker)):
                    if process.poll() is not None:
                        code = process.returncode
                        more = f": see {WORKER_LOG}" if process is worker else ""
                        raise CommandError(f"the {name} stopped by itself (exit code {code}){more}")
                time.sleep(0.2)
        except KeyboardInterrupt:
            say("run: stopping")


@contextlib.contextmanager
def started(
    environment: Mapping[str, str], *module: str, log: BinaryIO | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A running module of Python, which is stopped at the end. log: for all that it writes."""
    # Should this program be killed, a server must not keep the port.
    command = ("setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", *module)
    # In a process group of its own: Ctrl-C reaches this process only, which stops each one once.
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, process_group=0, stdout=log, stderr=log
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):  # or Ctrl-C once more
            process.kill()
            process.wait()


def settings(cluster: Cluster) -> dict[str, str]:
    """The environment of the API: what is set goes before what we make up."""
    chosen = given()
    own = {
        "APP_ENV": "development",
        "DATABASE_URL": cluster.url(DATABASE, "telemed_api"),
        "DBA_DATABASE_URL": cluster.url(DATABASE, DBA_LOGIN),
        "WORKER_DATABASE_URL": cluster.url(DATABASE, "telemed_worker"),
        "SECRET_KEY": secret(cluster, "secret_key", random_key),
        "CONTEXT_KEY": secret(cluster, "context_key", random_key),
        "MFA_KEYS": secret(cluster, "mfa_keys", totp.new_key),
        # For benchmarks and tests.
        **dict.fromkeys(RATE_LIMITS, "1000000 per minute"),
    }
    if chosen.get("APP_ENV", "development") == "development":
        # Where a LiveKit server on this computer listens. To be used, it needs this key and secret.
        own |= {
            "VIDEO_PROVIDER": "livekit",
            "LIVEKIT_URL": "ws://localhost:7880",
            "LIVEKIT_API_KEY": "development",
            "LIVEKIT_API_SECRET": secret(cluster, "livekit_api_secret", random_key),
        }
        # `make tour` receives webhooks on this computer, with a certificate of its own.
        own["WEBHOOK_ALLOWED_HOSTS"] = inbox.HOST
        certificate = secret(cluster, inbox.CERTIFICATE, inbox.new_certificate)
        trusted = cluster.base / "authorities.pem"
        trusted.write_text(inbox.authorities(certificate))
        chosen["SSL_CERT_FILE"] = str(trusted)
    return {**os.environ, **own, **chosen}


def visible(host: str) -> str:
    return "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else host  # noqa: S104


def wait_until_ready(server: subprocess.Popen[bytes], host: str, port: int) -> None:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection(reachable, port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        connection.close()
        time.sleep(0.1)
    raise CommandError("the server did not start: its messages stand above")


def mail_place(environment: Mapping[str, str]) -> str:
    """Where e-mail goes."""
    chosen = config.load(environment, to_serve=False)
    return "the server of SMTP_URL" if chosen.smtp_url else str(CHECKOUT / chosen.mail_folder)


def announce(address: str, mail: str) -> None:
    print(
        f"\n  The clinic     {address}\n  Documentation  {address}/docs\n  E-mail         {mail}\n"
        f"  Worker's log   {WORKER_LOG}\n"
    )
    for account in ACCOUNTS:
        print(f"  {account:<20} {DEMO_PASSWORD}")
    print(
        "\n  `make tour` walks through it, `make psql` opens its database. Ctrl-C stops it.\n",
        flush=True,
    )


if __name__ == "__main__":
    command_line("run", main)
