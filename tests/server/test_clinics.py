"""CLINICS: one fleet for several clinics, each with a database and keys of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from api import clinic_files, clinics, config, totp
from api.context import key_id
from api.password_hashing import hash_password
from scripts import clinics as command
from scripts.cluster import THROWAWAY_CONTEXT_KEY
from scripts.server import Cluster
from tests.support.client import PASSWORD, at, new_key
from tests.support.server import MFA_KEY, SECRET, Server, environment, run_command, serve

HOSTS = {"berlin": "berlin.clinic.test", "lima": "lima.clinic.test", "away": "away.clinic.test"}
KEYS = {name: f"the context key of the test clinic {name}" for name in HOSTS}


@dataclass
class Fleet:
    """A server for clinics; `away` has a database that cannot be reached."""

    server: Server
    databases: dict[str, str]
    file: Path

    def ask(self, clinic: str, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Host": HOSTS.get(clinic, clinic), **more.pop("headers", {})}
        if token := more.pop("token", None):
            headers["Authorization"] = f"Bearer {token}"
        return requests.request(method, self.server.url + path, headers=headers, timeout=30, **more)

    def log_in(self, clinic: str, email: str) -> dict[str, Any]:
        credentials = {"email": email, "password": PASSWORD}
        answer = self.ask(clinic, "POST", "/v1/auth/login", json=credentials)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def token(self, clinic: str, email: str) -> str:
        return str(self.log_in(clinic, email)["access_token"])

    def sign_up(self, clinic: str, email: str) -> dict[str, Any]:
        account = {"email": email, "password": PASSWORD, "full_name": f"A. {clinic}"}
        answer = self.ask(clinic, "POST", "/v1/auth/signup", json=account)
        assert answer.status_code == 201, answer.text
        return self.log_in(clinic, email)


def write(folder: Path, tables: dict[str, dict[str, str]]) -> Path:
    """A file of clinics, and the settings of each."""
    lines = []
    for name, variables in tables.items():
        (folder / f"{name}.env").write_text("".join(f"{k}={v}\n" for k, v in variables.items()))
        lines.append(f'[{name}]\nhosts = ["{HOSTS[name]}"]\nsettings = "{name}.env"\n')
    (folder / "clinics.toml").write_text("\n".join(lines))
    return folder / "clinics.toml"


def own(name: str, url: str, **more: str) -> dict[str, str]:
    """The settings of a clinic."""
    return {
        "DATABASE_URL": url,
        "SECRET_KEY": f"{name} {SECRET}",
        "CONTEXT_KEY": KEYS[name],
        "MFA_KEYS": totp.new_key(),
        **more,
    }


@pytest.fixture(scope="module")
def fleet(
    cluster: Cluster,
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fleet]:
    """One server for two clinics that work and one whose database is away."""
    databases = {name: new_database() for name in ("berlin", "lima")}
    for name, database in databases.items():
        cluster.sql(f"select ops.add_context_key('{KEYS[name]}')", database)
        cluster.sql(f"select ops.drop_context_key('{key_id(THROWAWAY_CONTEXT_KEY)}')", database)
        password_hash = hash_password(PASSWORD, 4)
        cluster.sql(
            f"select ops.create_admin('admin@clinic.test', '{password_hash}', 'A')", database
        )
    folder = tmp_path_factory.mktemp("fleet")
    tables = {
        name: own(name, cluster.url(database, "telemed_api"))
        for name, database in databases.items()
    }
    tables["away"] = own("away", "postgresql://telemed_api@127.0.0.1:1/telemed")
    file = write(folder, tables)
    without = {"DATABASE_URL": "", "SECRET_KEY": "", "CONTEXT_KEY": "", "MFA_KEYS": ""}
    with serve("", folder / "log", CLINICS=str(file), **without) as server:
        found = Fleet(server, databases, file)
        for name in databases:
            open_clinic(found, name)
        yield found


def open_clinic(fleet: Fleet, clinic: str) -> None:
    """Two doctors, of whom one has an open slot."""
    admin = fleet.token(clinic, "admin@clinic.test")
    for name in ("dora", "dan"):
        body = {
            "email": f"{name}@clinic.test",
            "password": PASSWORD,
            "full_name": name,
            "specialty": "Dermatology",
            "time_zone": "Europe/Berlin",
            "fee_minor": 5000,
            "currency": "EUR",
        }
        answer = fleet.ask(clinic, "POST", "/v1/admin/doctors", token=admin, json=body)
        assert answer.status_code == 201, answer.text
    slot = {"starts_at": at(3, 9).isoformat(), "ends_at": at(3, 10).isoformat()}
    doctor = fleet.token(clinic, "dora@clinic.test")
    answer = fleet.ask(clinic, "POST", "/v1/slots", token=doctor, json=slot)
    assert answer.status_code == 201, answer.text


def test_host_decides_which_clinic_answers(cluster: Cluster, fleet: Fleet) -> None:
    """One address has an account at each."""
    for clinic, database in fleet.databases.items():
        token = fleet.sign_up(clinic, "ada@clinic.test")["access_token"]
        for host in (HOSTS[clinic], HOSTS[clinic].upper(), HOSTS[clinic] + ":8000"):
            me = fleet.ask(host, "GET", "/v1/me", token=token)
            assert me.json()["full_name"] == f"A. {clinic}"
        names = cluster.sql("select full_name from app.profiles", database).splitlines()
        assert [name for name in names if name.startswith("A. ")] == [f"A. {clinic}"]


def test_tokens_of_a_clinic_are_refused_by_another_one(fleet: Fleet) -> None:
    session = fleet.sign_up("berlin", "tokens@clinic.test")
    access = {"token": session["access_token"]}
    assert fleet.ask("berlin", "GET", "/v1/me", **access).status_code == 200
    refused = fleet.ask("lima", "GET", "/v1/me", **access)
    assert (refused.status_code, refused.json()["code"]) == (401, "TM101")
    body = {"json": {"refresh_token": session["refresh_token"]}}
    assert fleet.ask("lima", "POST", "/v1/auth/refresh", **body).status_code == 401
    assert fleet.ask("berlin", "POST", "/v1/auth/refresh", **body).status_code == 200


def test_cursor_of_a_clinic_is_refused_by_another_one(fleet: Fleet) -> None:
    tokens = {
        clinic: fleet.sign_up(clinic, "cursor@clinic.test")["access_token"]
        for clinic in fleet.databases
    }
    page = fleet.ask("berlin", "GET", "/v1/doctors?limit=1", token=tokens["berlin"]).json()
    address = f"/v1/doctors?limit=1&cursor={page['next_cursor']}"
    assert fleet.ask("berlin", "GET", address, token=tokens["berlin"]).status_code == 200
    assert fleet.ask("lima", "GET", address, token=tokens["lima"]).status_code == 422


def test_idempotency_key_of_a_clinic_is_unknown_to_another_one(fleet: Fleet) -> None:
    key = new_key()
    for clinic in fleet.databases:
        token = fleet.sign_up(clinic, "booker@clinic.test")["access_token"]
        slots = fleet.ask(clinic, "GET", "/v1/slots?specialty=dermatology", token=token).json()
        for is_replay in (False, True):
            booked = fleet.ask(
                clinic,
                "POST",
                "/v1/consultations",
                token=token,
                headers={"Idempotency-Key": key},
                json={"slot_id": slots["items"][0]["id"]},
            )
            assert booked.status_code == 201, booked.text
            assert ("Idempotency-Replayed" in booked.headers) == is_replay


@pytest.mark.parametrize("host", ["other.clinic.test", "127.0.0.1", "berlin.clinic.test.evil.test"])
def test_unknown_host_gets_421(fleet: Fleet, host: str) -> None:
    for path in ("/v1/doctors", "/health/ready", "/docs", "/nowhere"):
        answer = fleet.ask(host, "GET", path)
        assert (answer.status_code, answer.json()["code"]) == (421, "HTTP421")
        assert answer.headers["Content-Type"] == "application/problem+json"
    for path in ("/health", "/health/live", "/metrics"):
        assert fleet.ask(host, "GET", path).status_code == 200


def test_clinic_without_its_database_leaves_the_others_unaffected(fleet: Fleet) -> None:
    assert fleet.ask("away", "GET", "/health/ready").status_code == 503
    for clinic in fleet.databases:
        assert fleet.ask(clinic, "GET", "/health/ready").status_code == 200


def test_log_names_the_clinic(fleet: Fleet) -> None:
    answer = fleet.ask("lima", "GET", "/v1/me")
    lines = [json.loads(line) for line in fleet.server.output.splitlines() if line[:1] == "{"]
    clinics_of = [
        line.get("clinic")
        for line in lines
        if line.get("request_id") == answer.headers["X-Request-Id"]
    ]
    assert clinics_of == ["lima"]


def test_clinic_of_a_command_is_that_of_its_variable(fleet: Fleet) -> None:
    variables = {"CLINICS": str(fleet.file), "CLINIC": "lima"}
    examined = run_command("doctor", "database", "context-key", **variables)
    assert examined.returncode == 0, examined.stdout
    shown = run_command("settings", **variables).stdout
    assert f"dbname={fleet.databases['lima']}" in shown
    wrong = run_command("settings", **variables | {"CLINIC": "rome"})
    assert (wrong.returncode, wrong.stderr) == (
        1,
        "api: CLINIC must be one of berlin, lima, away\n",
    )


def test_deployment_of_all_clinics_stops_at_a_failure_and_goes_on_there(
    cluster: Cluster,
    fleet: Fleet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """`lima` lacks the record of the newest change, which therefore cannot be deployed again."""
    for name, value in cluster.environment().items():
        monkeypatch.setenv(name, value)
    for name, value in environment("").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CONTEXT_KEY")
    tables = {
        name: own(name, cluster.url(database, "telemed_api"), PGDATABASE=database)
        for name, database in fleet.databases.items()
    }
    file = str(write(tmp_path, tables))
    newest = "(select change_id from sqitch.changes order by committed_at desc limit 1)"
    lima = fleet.databases["lima"]
    cluster.sql(
        "create table public.kept as select * from sqitch.changes"
        f" where change_id = {newest};"
        " create table public.links as select * from sqitch.dependencies"
        f" where change_id = {newest};"
        f" delete from sqitch.dependencies where change_id = {newest};"
        f" delete from sqitch.changes where change_id = {newest}",
        lima,
    )
    assert command.main(file) == 1
    shown = capfd.readouterr()
    assert "clinics: berlin (1 of 2): has every change\n" in shown.out
    assert "clinics: berlin (1 of 2): checked\n" in shown.out
    assert "stopped at lima (2 of 2)" in shown.err

    cluster.sql(
        "insert into sqitch.changes select * from public.kept;"
        " insert into sqitch.dependencies select * from public.links;"
        " drop table public.kept; drop table public.links",
        lima,
    )
    assert command.main(file) == 0
    assert "clinics: lima (2 of 2): checked\n" in capfd.readouterr().out

    cluster.sql(f"select ops.drop_context_key('{key_id(KEYS['lima'])}')", lima)
    assert command.main(file) == 1
    shown = capfd.readouterr()
    assert "context-key: the database does not have this key" in shown.out
    cluster.sql(f"select ops.add_context_key('{KEYS['lima']}')", lima)


FIRST, SECOND = "postgresql://telemed_api@localhost/one", "postgresql://telemed_api@localhost/two"
REPLICA = "postgresql://telemed_api@standby/one"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"THREADS": "4"}, "lima: THREADS is a setting of all clinics together"),
        ({"SECRET_KEY": ""}, "lima: SECRET_KEY is missing"),
        ({"DATABASE_URL": FIRST}, "berlin and lima have the same DATABASE_URL"),
        ({"DATABASE_REPLICA_URL": REPLICA}, "berlin and lima have the same DATABASE_REPLICA_URL"),
        ({"CONTEXT_KEY": KEYS["berlin"]}, "berlin and lima have the same CONTEXT_KEY"),
        ({"SECRET_KEY": f"berlin {SECRET}"}, "berlin and lima have the same SECRET_KEY"),
        ({"SECRET_KEYS_RETIRED": f"berlin {SECRET}"}, "berlin and lima have the same SECRET_KEY"),
        ({"MFA_KEYS": f"{totp.new_key()},{MFA_KEY}"}, "berlin and lima have the same MFA_KEYS"),
        ({"CONTEXT_KEY": "short"}, "lima: CONTEXT_KEY is shorter than 32 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_settings_of_a_clinic_stop_the_start(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    berlin = own("berlin", FIRST, MFA_KEYS=MFA_KEY, DATABASE_REPLICA_URL=REPLICA)
    file = write(tmp_path, {"berlin": berlin, "lima": own("lima", SECOND) | change})
    with pytest.raises(config.SettingsError) as error:
        clinics.load(environment("", CLINICS=str(file)))
    assert reason in str(error.value)
    for secret in (SECRET, KEYS["berlin"], MFA_KEY):
        assert secret not in str(error.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[berlin", "cannot be read"),
        ("", "has no clinic"),
        ("berlin = 1", "must be a table"),
        ("[Berlin]", "must be a table with a name"),
        ('[berlin]\nhosts = ["a.test"]', "must have hosts and settings"),
        ('[berlin]\nhosts = ["a.test"]\nsettings = "b.env"\nport = 1', "nothing else"),
        ('[berlin]\nhosts = []\nsettings = "b.env"', "needs hosts"),
        ('[berlin]\nhosts = ["A.test"]\nsettings = "b.env"', "needs hosts"),
        ('[berlin]\nhosts = ["a.test:80"]\nsettings = "b.env"', "needs hosts"),
        ('[berlin]\nhosts = ["a.test"]\nsettings = 1', "needs hosts"),
        ('[berlin]\nhosts = ["a.test"]\nsettings = "b.env"', "b.env is missing"),
    ],
)
def test_wrong_file_of_clinics_is_refused_in_one_line(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "clinics.toml").write_text(text)
    with pytest.raises(ValueError, match=r"^CLINICS: ") as error:
        clinic_files.read(str(tmp_path / "clinics.toml"))
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_two_clinics_with_one_host_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path, {"berlin": own("berlin", FIRST), "lima": own("lima", SECOND)})
    file.write_text(file.read_text().replace(HOSTS["lima"], HOSTS["berlin"]))
    with pytest.raises(ValueError, match="berlin and lima have the same host"):
        clinic_files.read(str(file))


def test_missing_file_of_clinics_stops_the_server_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(config.SettingsError, match="cannot be read"):
        clinics.load(environment("", CLINICS=str(tmp_path / "missing.toml")))
