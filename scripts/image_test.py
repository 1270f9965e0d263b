"""`make image-test`: build the images, start docker-compose.yml, use it, and break it.

Needs Docker, or root for podman (scripts/containers.py). Every container, network and volume is its
own, and is removed at the end; KEEP=1 leaves them.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import secrets
import shlex
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from api.password_hashing import hash_password
from scripts import tour
from scripts.containers import IMAGES, Engine, engine
from scripts.system import CHECKOUT, CommandError, command_line, say

PROJECT = "telemedicine-image-test"
TAG = "image-test"
INSTANCES = 3
COMPILERS = "cc gcc g++ c++ cpp clang make ld as go rustc cargo"
STARTED = ("api", "worker", "proxy")
SECRET = re.compile(r"(?:SECRET|PASSWORD|TOKEN|PRIVATE|KEY)\w*=", re.I)
PUBLIC = ("GPG_KEY=",)  # of the release manager, in the base of Python
# A video service, which the tour uses; nothing connects to it.
VIDEO = {
    "VIDEO_PROVIDER": "livekit",
    "LIVEKIT_URL": "ws://localhost:7880",
    "LIVEKIT_API_KEY": "development",
    "LIVEKIT_API_SECRET": secrets.token_hex(32),
}


# The new limit is that of new connections.
PATIENCE = """
    alter role telemed_api in database telemed set statement_timeout = '30s';
    select pg_terminate_backend(pid) from pg_stat_activity where usename = 'telemed_api';
"""


@dataclass
class Clinic:
    """The running services."""

    engine: Engine
    http: int
    https: int
    variables: dict[str, str] = field(default_factory=dict)

    def containers(self, service: str) -> list[str]:
        """The names of the containers of a service, running or not."""
        label = "label=com.docker.compose"
        names = self.engine.run(
            *("ps", "--all", "--format={{.Names}}"),
            *(f"--filter={label}.project={PROJECT}", f"--filter={label}.service={service}"),
        )
        return sorted(names.split())

    def remove(self) -> None:
        """Remove every container, network and volume. podman-compose forgets scaled instances."""
        label = f"--filter=label=com.docker.compose.project={PROJECT}"
        if names := self.engine.run("ps", "--all", "--format={{.Names}}", label).split():
            self.engine.run("rm", "--force", "--volumes", *names)
        self.compose("down", "--volumes", "--timeout", "2")

    def compose(self, *command: str) -> None:
        """Run a command of compose, which has to succeed."""
        result = subprocess.run(
            (*self.engine.compose(PROJECT), *command),
            cwd=CHECKOUT,
            env={**self.engine.environment, **self.variables},
            capture_output=True,
            text=True,
            timeout=1800,
        )
        if result.returncode:
            raise CommandError(
                f"compose {command[0]} failed: {(result.stdout + result.stderr)[-4000:]}"
            )

    def inside(self, container: str, *command: str, text: str = "") -> str:
        """Standard output of a command in a container."""
        return self.engine.run("exec", "-i", container, *command, text=text)

    def psql(self, statement: str, *options: str) -> str:
        """What psql prints, as a superuser."""
        (database,) = self.containers("database")
        command = (
            "psql",
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-h",
            "/run/postgresql",
        )
        return self.inside(database, *command, *options, "-f", "-", "telemed", text=statement)

    def is_healthy(self, container: str) -> bool:
        """Whether HEALTHCHECK succeeds. Without systemd podman runs it only when it is asked to."""
        if self.engine.is_docker:
            state = "{{.State.Health.Status}}"
            return self.engine.run("inspect", "-f", state, container) == "healthy"
        return self.engine.try_to("healthcheck", "run", container).returncode == 0

    def logs(self, container: str) -> str:
        """What a container has written."""
        result = self.engine.try_to("logs", container)
        return result.stdout + result.stderr


def main() -> None:
    """Build, start, check, remove. Raises CommandError with the first thing that is wrong."""
    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        http_port, https_port = (p.getsockname()[1] for p in ports)
    found = engine()
    say(f"image-test: building with {found.program}")
    build(found)
    clinic = Clinic(found, http_port, https_port, settings(http_port, https_port))
    clinic.remove()  # what a killed run has left
    say("image-test: starting docker-compose.yml with three instances of the API")
    try:
        start(clinic)
        for check in CHECKS:
            say(f"image-test: {check(clinic)}")
    except (CommandError, AssertionError, OSError):
        for service in ("migrate", *STARTED):
            for container in clinic.containers(service):
                say(f"--- {container}\n{clinic.logs(container)[-1500:]}")
        raise
    finally:
        if not os.environ.get("KEEP"):
            clinic.remove()
    for line in unchecked(found):
        say(f"image-test: not checked: {line}")
    say("image-test: all checks passed")


def settings(http_port: int, https_port: int) -> dict[str, str]:
    """What docker-compose.yml reads. Cheap hashes and patience: the computer may be busy."""
    return {
        **VIDEO,
        "VERSION": TAG,
        "PORT": str(http_port),
        "TLS_PORT": str(https_port),
        "WEB_CONCURRENCY": "1",
        "BCRYPT_COST": "4",
        "DATABASE_ANSWER_TIMEOUT_SECONDS": "60",
    }


def build(found: Engine) -> None:
    arguments = {
        name: os.environ.get(name) or "image-test" for name in ("VERSION", "REVISION", "SOURCE")
    }
    for target, name in IMAGES.items():
        found.build(target, f"{name}:{TAG}", arguments)


def start(clinic: Clinic) -> None:
    """Start everything.

    podman 4 cannot start a container whose dependency has one itself: they start one by one.
    """
    if clinic.engine.is_docker:
        clinic.compose("up", "--detach", "--no-build", f"--scale=api={INSTANCES}")
    else:
        up = ("up", "--detach", "--no-build", "--no-deps")
        clinic.compose(*up, "database")
        wait_until(
            lambda: all(map(clinic.is_healthy, clinic.containers("database"))), "the database"
        )
        clinic.compose(*up, "migrate")
        (migrate,) = clinic.containers("migrate")
        status = clinic.engine.run("wait", migrate)
        require(status == "0", f"the deployment ended with {status}")
        clinic.compose(*up, "--scale", f"api={INSTANCES}", "api", "worker")
        clinic.compose(*up, "proxy")
    for service in STARTED:
        for container in clinic.containers(service):
            wait_until(lambda name=container: clinic.is_healthy(name), container)  # type: ignore[misc]


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        require(time.monotonic() < deadline, f"{what} is not healthy")
        time.sleep(1)


def require(holds: bool, what: str) -> None:
    if not holds:
        raise CommandError(f"not as it should be: {what}")


# The checks, in their order. Each returns what it has seen.


def image_has_no_compiler_no_secret_and_no_other_file(clinic: Clinic) -> str:
    image, run = f"{IMAGES['telemedicine']}:{TAG}", clinic.engine.run
    shell = ("run", "--rm", "--network=none", "--read-only", "--entrypoint=sh", image, "-c")
    found = run(*shell, f"for p in {COMPILERS}; do command -v $p; done; true")
    require(not found, f"the image has {found.split()}")
    files = run(*shell, "cd /telemedicine && find . -type f ! -name '*.pyc'").split("\n")
    tracked = subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard"),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    others = {name.removeprefix("./") for name in files} - set(tracked)
    require(not others, f"the image has files that the repository has not: {sorted(others)[:5]}")
    for name in IMAGES.values():
        history = run("history", "--no-trunc", "--format={{.CreatedBy}}", f"{name}:{TAG}")
        variables = run("inspect", "--format={{json .Config.Env}}", f"{name}:{TAG}")
        for line in (*history.split("\n"), *json.loads(variables)):
            if (secret := SECRET.search(line)) and not any(public in line for public in PUBLIC):
                raise CommandError(f"{name} has {secret[0]} in its layers: {line[:200]}")
    labels = json.loads(run("inspect", "--format={{json .Config.Labels}}", image))
    names = {name.rpartition(".")[2] for name in labels}
    require(
        {"version", "revision", "source", "licenses"} <= names, f"its labels are {sorted(names)}"
    )
    return (
        f"the image has {len(files)} files, all of this repository, its labels, no compiler, and no"
        " secret in its layers"
    )


def containers_run_as_a_user_who_can_change_nothing(clinic: Clinic) -> str:
    for service in STARTED:
        for container in clinic.containers(service):
            user = clinic.inside(container, "id", "-u")
            require(user not in ("", "0"), f"{container} runs as user {user}")
            write = "touch /written 2>/dev/null || touch /telemedicine/written 2>/dev/null"
            tried = clinic.inside(
                container, "sh", "-c", f"if {write}; then echo yes; fi; touch /tmp/x"
            )
            require(not tried, f"the root of {container} can be written")
            rights = clinic.inside(container, "sh", "-c", "grep CapEff /proc/self/status")
            require(int(rights.split()[1], 16) == 0, f"{container} has capabilities: {rights}")
    (database,) = clinic.containers("database")
    tried = clinic.inside(database, "sh", "-c", "if touch /written 2>/dev/null; then echo yes; fi")
    require(not tried, "the root of the database can be written")
    return "no process of ours is root, has a capability or can write to its image"


def every_container_is_healthy(clinic: Clinic) -> str:
    names = [name for service in ("database", *STARTED) for name in clinic.containers(service)]
    for name in names:
        require(clinic.is_healthy(name), f"{name} is not healthy")
    require(len(clinic.containers("api")) == INSTANCES, "there are three instances")
    return f"HEALTHCHECK of {len(names)} containers succeeds"


def documentation_is_served_by_http_and_by_tls(clinic: Clinic) -> str:
    for url, version in (
        (f"http://localhost:{clinic.http}/docs", "1.1"),
        (f"https://localhost:{clinic.https}/docs", "2"),
    ):
        shown = curl("-w", "\n%{http_version} %{http_code}", url)
        require("swagger-ui" in shown.body, f"{url} is not Swagger UI")
        require(shown.end == f"{version} 200", f"{url} answers {shown.end}")
        transport = "strict-transport-security" in shown.head.lower()
        require(transport == url.startswith("https"), f"HSTS of {url} is {transport}")
    return "/docs is served by HTTP/1.1, and by HTTP/2 over TLS with HSTS"


def old_tls_is_refused(clinic: Clinic) -> str:
    accepted = []
    for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        with (
            contextlib.suppress(ssl.SSLError, ConnectionError),
            socket.create_connection(("127.0.0.1", clinic.https), 10) as plain,
            context.wrap_socket(plain),
        ):
            accepted.append(version.name)
    require(accepted == ["TLSv1_2", "TLSv1_3"], f"accepted: {accepted}")
    return "TLS 1.2 and 1.3 are accepted, 1.1 is not"


def three_instances_answer(clinic: Clinic) -> str:
    for _ in range(30):
        require(fetch(clinic, "GET", "/problems").status == 200, "/problems answers 200")
    counts = [
        len(re.findall(r'"route": "/problems"', clinic.logs(name)))
        for name in clinic.containers("api")
    ]
    require(all(counts) and sum(counts) == 30, f"requests by instance: {counts}")
    return f"the instances have answered {counts} of 30 requests"


def client_cannot_choose_its_address(clinic: Clinic) -> str:
    """The limit of log-ins counts by address: each new address would begin at the limit."""
    left = []
    for n in range(30):
        answer = fetch(
            *(clinic, "POST", "/v1/auth/login", {}),
            headers={"X-Forwarded-For": f"203.0.113.{n}", "Forwarded": f"for=203.0.113.{n}"},
        )
        left.append(int(answer.headers["RateLimit-Remaining"]))
    limit = int(answer.headers["RateLimit-Limit"])
    require(min(left) <= limit - 30 // INSTANCES, f"left of {limit}: {left}")
    return (
        f"30 requests from 30 pretended addresses count as one client: {min(left)} of {limit} left"
    )


def limits_are_problems(clinic: Clinic) -> str:
    large = "x" * (64 * 1024 + 1)
    json_type = ("-H", "Content-Type: application/json")
    seen = []
    for url in (f"http://localhost:{clinic.http}", f"https://localhost:{clinic.https}"):
        for status, options in (
            (413, (*json_type, "--data-binary", "@-", f"{url}/v1/auth/login")),
            (
                413,
                (
                    *json_type,
                    "-H",
                    "Transfer-Encoding: chunked",
                    "--data-binary",
                    "@-",
                    f"{url}/v1/me",
                ),
            ),
            (414, (f"{url}/{'x' * 9000}",)),
            (400, ("-X", "POST", *json_type, "-d", "{", f"{url}/v1/auth/login")),
        ):
            shown = curl("-w", "\n%{http_code} %{content_type}", *options, text=large)
            problem = json.loads(shown.body)
            require(shown.end == f"{status} application/problem+json", f"{status}: {shown.end}")
            require(problem["status"] == status and problem["request_id"], f"{problem}")
            seen.append(status)
    url = f"http://localhost:{clinic.http}/v1/me"
    shown = curl("-w", "\n%{http_code} %{content_type}", "-H", f"X: {'x' * 9000}", url)
    require(shown.end == "431 application/problem+json", f"{url}: {shown.end}")
    return f"{sorted({*seen, 431})} are problems (RFC 9457) by HTTP/1.1 and HTTP/2"


def slow_clients_are_cut_off(clinic: Clinic) -> str:
    """nginx closes the connection without an answer."""
    head = b"POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
    waited: list[float] = []
    with contextlib.ExitStack() as stack:
        opened = []
        for sent in (head, head + b"Content-Length: 10\r\n\r\n{"):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", clinic.http)))
            connection.settimeout(40)
            connection.sendall(sent)
            opened.append((connection, time.monotonic()))
        for connection, began in opened:
            with contextlib.suppress(ConnectionError):
                require(not connection.recv(1), "a slow client gets no answer")
            waited.append(time.monotonic() - began)
    return f"a slow head and a slow body are cut off after {max(waited):.0f} s"


def tour_works(clinic: Clinic) -> str:
    password = f"password_hash={hash_password(tour.DEMO_PASSWORD, 4)}"
    for name in ("demo_data.sql", "demo_slots.sql"):
        clinic.psql((CHECKOUT / "db/demo" / name).read_text(), "-1", "-v", password)
    clinic.psql(PATIENCE)
    wait_until(
        lambda: all(fetch(clinic, "GET", "/health/ready").status == 200 for _ in range(9)),
        "the API",
    )
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            tour.tour(f"http://localhost:{clinic.http}", None)
    except CommandError:
        say(printed.getvalue()[-3000:])
        raise
    return f"the tour of scripts/tour.py works: {printed.getvalue().count('->')} requests"


@dataclass
class Load:
    """Requests that go on until they are stopped."""

    clinic: Clinic
    stopped: threading.Event = field(default_factory=threading.Event)
    answers: list[int] = field(default_factory=list)
    repeated: int = 0
    booked: dict[str, str] = field(default_factory=dict)  # ids of consultations by slot
    failures: list[str] = field(default_factory=list)

    def read(self, token: str) -> None:
        while not self.stopped.is_set():
            self.ask("GET", "/v1/doctors", token)

    def book(self, token: str, slots: list[str]) -> None:
        for slot in slots:
            if self.stopped.is_set():
                return
            key = str(uuid.uuid4())
            while True:
                answer = self.ask("POST", "/v1/consultations", token, {"slot_id": slot}, key)
                if not (answer and answer.status == 409 and answer.body["code"] == "TM991"):
                    break
                # The first attempt may still hold the key: the answer says so, with Retry-After.
                self.repeated += 1
                time.sleep(0.2)
            if answer and answer.status == 201:
                self.booked[slot] = answer.body["id"]

    def ask(
        self, method: str, path: str, token: str, body: Any = None, key: str = ""
    ) -> Answer | None:
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        try:
            answer = fetch(self.clinic, method, path, body, headers=headers)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return None
        self.answers.append(answer.status)
        if answer.status >= 500:
            self.failures.append(f"{method} {path}: {answer.status} {answer.body}")
        return answer


def killed_instance_costs_no_request(clinic: Clinic) -> str:
    """One instance is killed and one is stopped while four clients read and book."""
    load = Load(clinic)
    doctor = logged_in(clinic, "doctor@example.com", tour.DEMO_PASSWORD)
    me = fetch(clinic, "GET", "/v1/me", headers={"Authorization": f"Bearer {doctor}"}).body
    day = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 3 * 86_400))
    patients = []
    for _ in range(2):
        email = f"load-{uuid.uuid4().hex[:12]}@example.com"
        account = {"email": email, "password": tour.PASSWORD, "full_name": "Load"}
        require(
            fetch(clinic, "POST", "/v1/auth/signup", account).status == 201, "a sign-up succeeds"
        )
        patients.append(logged_in(clinic, email, tour.PASSWORD))
    listed = fetch(
        *(clinic, "GET", f"/v1/doctors/{me['id']}/slots?from={day}&limit=200"),
        headers={"Authorization": f"Bearer {doctor}"},
    ).body["items"]
    slots = [row["id"] for row in listed]
    require(len(slots) > 50, f"the demo doctor has {len(slots)} open slots")
    threads = [threading.Thread(target=load.read, args=(token,)) for token in patients]
    threads += [
        threading.Thread(target=load.book, args=(token, slots[n :: len(patients)]))
        for n, token in enumerate(patients)
    ]
    for thread in threads:
        thread.start()
    first, second, _third = clinic.containers("api")
    try:
        time.sleep(2)
        clinic.engine.run("kill", "--signal=KILL", first)
        time.sleep(3)
        clinic.engine.run("start", first)
        wait_until(lambda: clinic.is_healthy(first), first)
        clinic.engine.run("stop", "--time=25", second)
        time.sleep(2)
    finally:
        load.stopped.set()
        for thread in threads:
            thread.join(60)
    clinic.engine.run("start", second)
    require(not load.failures, f"{len(load.failures)} requests failed: {load.failures[:3]}")
    wanted = ",".join(f"'{i}'" for i in load.booked.values())
    kept = clinic.psql(
        f"select count(*), count(distinct slot_id) from app.consultations where id in ({wanted})"
    )
    require(
        kept == f"{len(load.booked)}|{len(load.booked)}", f"{kept} of {len(load.booked)} bookings"
    )
    return (
        f"of {len(load.answers)} requests none failed while an instance was killed and one stopped;"
        f" {len(load.booked)} bookings were acknowledged, each is there once"
        f" ({load.repeated} repeats after TM991)"
    )


def log_of_the_proxy_names_no_address(clinic: Clinic) -> str:
    (proxy,) = clinic.containers("proxy")
    lines = [line for line in clinic.logs(proxy).split("\n") if line.startswith("{")]
    for line in lines:
        require("/v1/" not in line and "203.0.113" not in line, f"the log of the proxy: {line}")
        json.loads(line)
    return f"the log of the proxy has {len(lines)} lines, all JSON, without addresses of requests"


CHECKS: tuple[Callable[[Clinic], str], ...] = (
    image_has_no_compiler_no_secret_and_no_other_file,
    containers_run_as_a_user_who_can_change_nothing,
    every_container_is_healthy,
    documentation_is_served_by_http_and_by_tls,
    old_tls_is_refused,
    three_instances_answer,
    client_cannot_choose_its_address,
    limits_are_problems,
    slow_clients_are_cut_off,
    tour_works,
    killed_instance_costs_no_request,
    log_of_the_proxy_names_no_address,
)


def unchecked(found: Engine) -> Iterator[str]:
    """What this run says nothing about."""
    yield "Prometheus, Grafana and the mail server of the profiles: their images are not ours"
    yield "a mail that arrives, and webhooks: `make tour` on `make run` checks them"
    if not found.is_docker:
        yield "Docker itself, and its order of starts: podman started one service after another"
    if found.bases:
        yield (
            "the real bases and their entry points: no registry was reached, and Debian's Python,"
            " PostgreSQL and nginx stood in for them"
        )


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: Any


def fetch(
    clinic: Clinic, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Answer:
    """Send one request through the proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", clinic.http, timeout=60)
    more = {"Content-Type": "application/json"} if body is not None else {}
    data = None if body is None else json.dumps(body)
    with contextlib.closing(connection):
        connection.request(method, path, data, {**more, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        is_json = "json" in (answer.headers["Content-Type"] or "")
        return Answer(answer.status, answer.headers, json.loads(text) if is_json else text)


def logged_in(clinic: Clinic, email: str, password: str) -> str:
    answer = fetch(clinic, "POST", "/v1/auth/login", {"email": email, "password": password})
    require(answer.status == 200, f"the log-in of {email} answers {answer.status}")
    return str(answer.body["access_token"])


@dataclass(frozen=True)
class Shown:
    head: str
    body: str
    end: str


def curl(*options: str, text: str = "") -> Shown:
    """What curl prints: the head, the body, and the line that `-w` asks for."""
    command = ("curl", "--silent", "--insecure", "--include", "-H", "Expect:", *options)
    result = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    require(result.returncode == 0, f"{shlex.join(command)[:200]}: {result.stderr}")
    rest, _, end = result.stdout.rpartition("\n")
    head, _, body = rest.replace("\r", "").partition("\n\n")
    return Shown(head, body, end)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    command_line("image-test", main)
