"""Who hears what: every cell of rbac.txt, which has lines for every operation of the document."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import pytest
import requests

from api import auth, config
from api.password_hashing import hash_password
from scripts.server import Cluster
from tests.security.table import ALIVE, GONE, LINES, OWING, ROLES, Line
from tests.support.client import PASSWORD, Client, ok, problem
from tests.support.operations import (
    MAKERS,
    SESSION_ENDS,
    Clinic,
    Operation,
    operations,
    sound,
    state,
)
from tests.support.people import log_in
from tests.support.server import environment

OTHER_ROLE = {"patient": "admin", "doctor": "patient", "admin": "patient"}
# A refresh token in the body is enough for these, so that the body is read first.
WITHOUT_ACCESS_TOKEN = ("POST /v1/auth/logout",)


@dataclass
class Everybody:
    """The clinic that the table is about, another one beside it, and those who are out."""

    stranger: Client
    clinic: Clinic
    other: Clinic
    out: dict[str, Clinic]

    def callers(self, column: str, line: Line, operation: Operation) -> Iterator[Client]:
        """Whoever calls in a column: one person, or of those who are gone each who might."""
        caller: Client
        again = operation.id in SESSION_ENDS
        if column == "any":
            caller = self.clinic.patient
            yield (self.session(caller) if again else caller).holding("")
        elif column in ROLES:
            clinic = self.other if column.endswith("2") else self.clinic
            caller = getattr(clinic, ROLES[column])
            yield self.session(caller) if again else caller
        else:
            rows = ("pat", "doc", "adm")
            for row in rows:
                # Who may go on without a second factor hears what they hear with one.
                others = {403, line.statuses[row]}
                if line.statuses[row] == 403 or (
                    column in OWING and line.statuses[column] not in others
                ):
                    continue
                caller = getattr(self.out.get(column, self.clinic), ROLES[row])
                if column in self.out:
                    yield caller
                    continue
                caller = self.session(caller) if again else caller
                if column in TOKENS:
                    caller = caller.holding(TOKENS[column](caller, ROLES[row]))
                yield caller

    def session(self, client: Client) -> Client:
        """The same person in a session of its own."""
        return log_in(self.stranger, client.email)


def token(caller: Client, role: str, **settings: Any) -> str:
    """An access token as the API itself makes them, with other settings."""
    ours = config.load(environment("postgresql://nowhere"))
    return auth.issue(replace(ours, **settings), caller.id, role, caller.session_id)


def expired(caller: Client, role: str) -> str:
    an_hour_ago = time.time() - 3600
    with patch.object(auth.time, "time", return_value=an_hour_ago):
        return token(caller, role)


def for_another_api(caller: Client, role: str) -> str:
    return token(caller, role, token_audience="another-api")


TOKENS = {"exp": expired, "aud": for_another_api}


@pytest.fixture(scope="module")
def everybody(
    cluster: Cluster,
    database: str,
    stranger: Client,
    admin: Client,
    new_patient: Callable[..., Client],
    new_doctor: Callable[..., Client],
) -> Iterator[Everybody]:
    """All callers and, for each kind of resource, one that stays as it is."""

    def make(name: str, chief: Client) -> Clinic:
        clinic = Clinic(new_patient(f"Ida {name}"), new_doctor(), chief)
        for kind in MAKERS:
            clinic.id_of(kind)
        return clinic

    def new_admin(email: str) -> Client:
        values = f"'{email}', '{hash_password(PASSWORD, 4)}', 'Chief'"
        cluster.sql(f"select ops.create_admin({values})", database)
        return log_in(stranger, email)

    def people(clinic: Clinic) -> dict[str, Client]:
        return {role: getattr(clinic, role) for role in OTHER_ROLE}

    clinic = make("Private", admin)
    off, new = (make("Gone", new_admin(f"{name}@clinic.test")) for name in ("off", "new"))
    ids = ", ".join(f"'{person.id}'" for person in people(off).values())
    # In the name of an admin: their open slots are withdrawn with them, and the trail wants to know
    # by whom.
    cluster.sql(
        f"""
        begin;
        select ops.act_as('{admin.email}');
        update app.users set deactivated_at = now() where id in ({ids});
        commit;
        """,
        database,
    )
    for role, person in people(new).items():
        change_role(cluster, database, person, OTHER_ROLE[role])
    out = {role: log_in(stranger, person.email) for role, person in people(clinic).items()}
    for person in out.values():
        assert person.post("/v1/auth/logout").status_code == 204

    gone = {"off": off, "new": new, "out": replace(clinic, **out)}
    yield Everybody(stranger, clinic, make("Other", admin), gone)
    for role, person in people(new).items():
        change_role(cluster, database, person, role)


def change_role(cluster: Cluster, database: str, person: Client, role: str) -> None:
    """What no function does. Even a superuser has to get around the rules first: who practises as a
    doctor cannot be anything else."""
    cluster.sql(
        f"""
        begin;
        alter table app.users disable trigger all;
        alter table app.users enable trigger sessions_end_with_what_they_rest_on;
        update app.users set role = '{role}' where id = '{person.id}';
        alter table app.users enable trigger all;
        commit;
        """,
        database,
    )


@contextmanager
def second_factors(cluster: Cluster, database: str) -> Iterator[None]:
    """Every role requires a second factor while the block runs."""
    cluster.sql("select ops.require_second_factor('{admin,doctor,patient}')", database)
    try:
        yield
    finally:
        cluster.sql("select ops.require_second_factor('{}')", database)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_every_operation_answers_as_rbac_txt_states(
    line: Line, everybody: Everybody, cluster: Cluster, database: str
) -> None:
    operation = found(everybody.stranger, line)
    heard: dict[str, set[int]] = {column: set() for column in line.statuses}
    status = line.statuses.__getitem__

    def send(column: str, caller: Client, request: dict[str, Any]) -> None:
        with second_factors(cluster, database) if column in OWING else nullcontext():
            answer = caller.send(**request)
        heard[column].add(answer.status_code)
        check(answer, column, operation, everybody)
        if "security" in operation.described and status(column) == 403 and column in OWING:
            problem(answer, 403, OWING[column])

    # Who is refused may all want the same thing, because that changes nothing.
    refused = [
        (column, caller, clinic.request(operation, caller, nowhere=line.nowhere))
        for column, code in line.statuses.items()
        if code >= 400
        for clinic in [everybody.out.get(column, everybody.clinic)]
        for caller in everybody.callers(column, line, operation)
    ]
    before = state(cluster, database)
    for column, caller, request in refused:
        send(column, caller, request)
    assert state(cluster, database) == before
    for column, code in line.statuses.items():
        for caller in everybody.callers(column, line, operation) if code < 400 else ():
            fresh = operation.method != "GET"
            send(column, caller, everybody.clinic.request(operation, caller, fresh=fresh))

    assert heard == {column: {code} for column, code in line.statuses.items()}


def check(
    answer: requests.Response, column: str, operation: Operation, everybody: Everybody
) -> None:
    """Nobody hears what is not theirs, whatever the status."""
    sound(answer, operation.id)
    clinic = everybody.out.get(column, everybody.clinic)
    if column in ("any", "pat2", "doc2", *GONE):
        assert not [secret for secret in clinic.secrets if secret in answer.text], answer.text
        assert "Ida Private" not in answer.text
    if "security" in operation.described and column in GONE:
        problem(answer, 401, GONE[column])
    if "security" in operation.described and column == "any":
        problem(answer, 401, "TM101")


def found(stranger: Client, line: Line) -> Operation:
    """The operation of a line."""
    by_name = {str(o): o for o in operations(stranger.contract.document)}
    assert line.operation in by_name, "no such operation: take the line out of rbac.txt"
    return by_name[line.operation]


def test_rbac_txt_lists_exactly_the_operations_of_the_document(stranger: Client) -> None:
    documented = operations(stranger.contract.document)
    expected = [(str(o), False) for o in documented]
    expected += [(str(o), True) for o in documented if "{" in o.path]
    assert sorted((line.operation, line.nowhere) for line in LINES) == sorted(expected)


@pytest.mark.parametrize("line", [line for line in LINES if not line.nowhere], ids=str)
def test_document_states_the_roles_of_every_operation(line: Line, stranger: Client) -> None:
    described = found(stranger, line).described
    assert ("security" in described) == (line.statuses["any"] == 401)
    if "security" in described:
        optional = [{}] if line.operation in WITHOUT_ACCESS_TOKEN else []
        assert described["security"] == [{"bearerAuth": []}, *optional]
        told = described["description"].rpartition("Roles: ")[2].rstrip(".").split(", ")
        assert set(told) == {ROLES[c] for c in ROLES if line.statuses[c] not in (401, 403)}


@pytest.mark.parametrize(
    "line",
    [x for x in LINES if not x.nowhere and x.operation not in WITHOUT_ACCESS_TOKEN],
    ids=str,
)
def test_authorization_is_checked_before_validation(line: Line, everybody: Everybody) -> None:
    operation = found(everybody.stranger, line)
    for column in ALIVE:
        if line.statuses[column] not in (401, 403):
            continue
        (caller,) = everybody.callers(column, line, operation)
        path = everybody.clinic.request(operation, caller)["path"]
        for body in (None, b"{", b'{"role": "admin"}'):
            answer = caller.send(operation.method, path + "?role=admin", data=body)
            assert sound(answer).status_code == line.statuses[column]


@pytest.mark.parametrize("line", [line for line in LINES if line.nowhere], ids=str)
def test_malformed_id_is_not_found(line: Line, everybody: Everybody) -> None:
    operation = found(everybody.stranger, line)
    for caller in (everybody.clinic.patient, everybody.clinic.doctor, everybody.clinic.admin):
        request = everybody.clinic.request(operation, caller)
        for other in ("no-uuid", "0", "null", "-1", "%2A", "' or true --"):
            path = re.sub(r"\{\w+\}", other, operation.path)
            problem(sound(caller.send(**{**request, "path": path})), 404, "HTTP404")


def test_resources_hidden_from_strangers_exist(everybody: Everybody) -> None:
    clinic = everybody.clinic
    listed = ok(clinic.patient.get("/v1/consultations"))["items"]
    assert clinic.kept["treated"] in {row["id"] for row in listed}
    assert ok(clinic.patient.get("/v1/me"))["id"] in clinic.secrets


def test_valid_token_made_by_the_test_is_accepted(
    everybody: Everybody,
) -> None:
    for role in OTHER_ROLE:
        person = getattr(everybody.clinic, role)
        ok(person.holding(token(person, role)).get("/v1/me"))
