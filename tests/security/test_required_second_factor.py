"""Roles that require a second factor."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from scripts.server import Cluster
from tests.security.table import LINES
from tests.support.client import PASSWORD, Client, Contract, ok, problem
from tests.support.operations import documented, example
from tests.support.pages import Surfer
from tests.support.people import create_admin, log_in
from tests.support.second_factor import ENROL, Protected, confirm, enrol
from tests.support.server import serve, wait_for

SOME_ID = "00000000-0000-4000-8000-000000000000"
# Operations that need no second factor, even if the role requires one.
EXEMPT = {
    ("GET", "/v1/me"),
    ("GET", "/v1/me/sessions"),
    ("DELETE", f"/v1/me/sessions/{SOME_ID}"),
    ("POST", "/v1/me/mfa"),
    ("POST", "/v1/me/mfa/confirm"),
    ("DELETE", "/v1/me/mfa"),
    ("POST", "/v1/auth/logout"),
}
DOCTOR = {
    "email": "doctor@strict.test",
    "password": PASSWORD,
    "full_name": "Dora Doctor",
    "specialty": "Dermatology",
    "time_zone": "Europe/Berlin",
    "fee_minor": 5000,
    "currency": "EUR",
}
# Values of fields without an example.
VALUES = {
    "email": lambda: "other@strict.test",
    "starts_at": lambda: "2099-01-05T09:00:00Z",
    "ends_at": lambda: "2099-01-05T10:00:00Z",
    "from": lambda: "2099-01-05",
    "to": lambda: "2099-01-11",
}


class Strict:
    """A clinic in which admins and doctors need a second factor."""

    def __init__(self, stranger: Client, admin: Protected, doctor: Client) -> None:
        self.stranger = stranger
        self.admin = admin
        self.doctor = doctor


@pytest.fixture(scope="module")
def strict(
    cluster: Cluster, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Strict]:
    name = new_database()
    cluster.sql("select ops.require_second_factor('{admin,doctor}')", name)
    log = tmp_path_factory.mktemp("strict") / "log"
    with serve(cluster.url(name, "telemed_api"), log, WEB_CONCURRENCY="1") as running:
        wait_for(running.url + "/health/ready", 200)
        document = requests.get(running.url + "/openapi.json", timeout=60).json()
        stranger = Client(running.url, Contract(document))
        create_admin(cluster.url(name), "chief@strict.test")
        chief = log_in(stranger, "chief@strict.test")
        problem(chief.post("/v1/admin/doctors", DOCTOR), 403, "TM302")
        admin = Protected(chief)
        ok(chief.post("/v1/admin/doctors", DOCTOR), 201)
        yield Strict(stranger, admin, log_in(stranger, str(DOCTOR["email"])))
        invariants = ok(chief.get("/v1/admin/invariants"))["items"]
        assert not [row for row in invariants if row["violations"]]


@pytest.mark.parametrize(
    "name",
    # Operations that require a log-in and that doctors may call.
    [
        line.operation
        for line in LINES
        if line.statuses["doc"] != 403 and line.statuses["any"] == 401 and not line.nowhere
    ],
)
def test_required_role_without_a_second_factor_is_refused(strict: Strict, name: str) -> None:
    operation = next(o for o in documented() if str(o) == name)
    path = operation.path_with(SOME_ID)
    caller = strict.doctor
    if path == "/v1/auth/logout":
        caller = log_in(strict.stranger, str(DOCTOR["email"]))
    answer = caller.send(path=path, **example(operation, VALUES))
    if (operation.method, path) in EXEMPT:
        assert answer.status_code not in (401, 403), answer.text
    else:
        problem(answer, 403, "TM302")


def test_required_role_with_a_second_factor_is_accepted(strict: Strict) -> None:
    tokens = ok(strict.admin.log_in(strict.admin.authenticator.fresh()))
    again = Client(strict.stranger.url, strict.stranger.contract, tokens["access_token"])
    assert "users" in ok(again.get("/v1/admin/analytics"))
    refresh = {"refresh_token": tokens["refresh_token"]}
    tokens = ok(strict.stranger.post("/v1/auth/refresh", refresh))
    again.token = tokens["access_token"]
    assert "users" in ok(again.get("/v1/admin/analytics"))


def test_other_role_needs_no_second_factor(strict: Strict) -> None:
    body = {"email": "pat@strict.test", "password": PASSWORD, "full_name": "Pat"}
    ok(strict.stranger.post("/v1/auth/signup", body), 201)
    ok(log_in(strict.stranger, "pat@strict.test").get("/v1/consultations"))


def test_console_leads_to_the_enrolment_and_back(strict: Strict) -> None:
    email, remove = str(DOCTOR["email"]), "/account/second-factor/remove"
    person, before = Surfer(strict.stranger.url), Surfer(strict.stranger.url)
    for each in (person, before):
        each.log_in(email, PASSWORD)
    page = person.open("/consultations?list=past")
    assert page.url.startswith(person.url + "/account/second-factor?")
    assert "needs a second factor" in page.text("[role=alert]")
    # A form that is refused for it leads there as well, and back to its page.
    person.open("/preferences")
    person.send("/preferences", time_zone="Asia/Tokyo")
    assert person.page.form(ENROL)["next"] == "/preferences"
    for address in ("/account", "/account/sessions", remove):
        assert person.open(address).url == person.url + address

    person.open("/consultations?list=past")
    page = confirm(person, enrol(person))
    codes = [item.to_text().strip() for item in page.query(".codes li")]
    assert page.links("Continue") == ["/consultations?list=past"]
    assert person.follow("Continue").url == person.url + "/consultations?list=past"
    # A session that began without a code asks to log in again.
    page = before.open("/consultations?list=past")
    assert "log in with a code" in page.text("[role=alert]")
    before.send("/log-out")
    assert before.log_in(email, PASSWORD).status == 401
    before.send("/log-in", password=PASSWORD, otp=codes[0])
    assert before.open("/consultations?list=past").heading == "My consultations"
    before.open(remove)
    assert before.send(remove, otp=codes[1]).status == 200


def test_removing_a_required_factor_refuses_until_there_is_another(strict: Strict) -> None:
    doctor = log_in(strict.stranger, str(DOCTOR["email"]))
    before = log_in(strict.stranger, str(DOCTOR["email"]))
    protected = Protected(doctor)
    ok(doctor.get("/v1/time-off"))
    problem(before.get("/v1/time-off"), 403, "TM302")  # this session began with a password alone
    assert protected.remove(protected.recovery_codes[0]).status_code == 204
    problem(doctor.get("/v1/time-off"), 403, "TM302")
    Protected(doctor)
    ok(doctor.get("/v1/time-off"))
