"""The matrix of rights: every operation answers every kind of caller as rbac.txt states."""

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
from tests.security.table import LINES, ORDINARY, REVOKED, ROLES, WITHOUT_FACTOR, Line
from tests.support.client import PASSWORD, Client, ok, problem
from tests.support.operations import (
    MAKERS,
    SESSION_ENDS,
    Operation,
    ValidRequests,
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
class Callers:
    """The clinic of the resources, another clinic, and callers whose access is revoked."""

    stranger: Client
    clinic: ValidRequests
    other: ValidRequests
    revoked: dict[str, ValidRequests]

    def of_column(self, column: str, line: Line, operation: Operation) -> Iterator[Client]:
        """The callers of a column: one, or one of each role that the operation does not refuse."""
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
                # Without the second factor: 403, or the same status as with it.
                possible = {403, line.statuses[row]}
                if line.statuses[row] == 403 or (
                    column in WITHOUT_FACTOR and line.statuses[column] not in possible
                ):
                    continue
                caller = getattr(self.revoked.get(column, self.clinic), ROLES[row])
                if column in self.revoked:
                    yield caller
                    continue
                caller = self.session(caller) if again else caller
                if column in TOKENS:
                    caller = caller.holding(TOKENS[column](caller, ROLES[row]))
                yield caller

    def session(self, client: Client) -> Client:
        """The same person in a new session."""
        return log_in(self.stranger, client.email)


def token(caller: Client, role: str, **settings: Any) -> str:
    """An access token that the code of the API issues, with other settings."""
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
def callers(
    cluster: Cluster,
    database: str,
    stranger: Client,
    admin: Client,
    new_patient: Callable[..., Client],
    new_doctor: Callable[..., Client],
) -> Iterator[Callers]:
    """All callers, and one resource of each kind that no test changes."""

    def make(name: str, chief: Client) -> ValidRequests:
        clinic = ValidRequests(new_patient(f"Ida {name}"), new_doctor(), chief)
        for kind in MAKERS:
            clinic.id_of(kind)
        return clinic

    def new_admin(email: str) -> Client:
        values = f"'{email}', '{hash_password(PASSWORD, 4)}', 'Chief'"
        cluster.sql(f"select ops.create_admin({values})", database)
        return log_in(stranger, email)

    def people(clinic: ValidRequests) -> dict[str, Client]:
        return {role: getattr(clinic, role) for role in OTHER_ROLE}

    clinic = make("Private", admin)
    off, new = (make("Revoked", new_admin(f"{name}@clinic.test")) for name in ("off", "new"))
    ids = ", ".join(f"'{person.id}'" for person in people(off).values())
    # As an admin, because a deactivation withdraws open slots, which requires an actor.
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

    revoked = {"off": off, "new": new, "out": replace(clinic, **out)}
    yield Callers(stranger, clinic, make("Other", admin), revoked)
    for role, person in people(new).items():
        change_role(cluster, database, person, role)


def change_role(cluster: Cluster, database: str, person: Client, role: str) -> None:
    """Change a role, which no function does. The triggers that would refuse it are disabled."""
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
    line: Line, callers: Callers, cluster: Cluster, database: str
) -> None:
    operation = found(callers.stranger, line)
    received: dict[str, set[int]] = {column: set() for column in line.statuses}
    status = line.statuses.__getitem__

    def send(column: str, caller: Client, request: dict[str, Any]) -> None:
        answer = caller.send(**request)
        received[column].add(answer.status_code)
        check(answer, column, operation, callers)
        if operation.described["security"] and status(column) == 403 and column in WITHOUT_FACTOR:
            problem(answer, 403, WITHOUT_FACTOR[column])

    # Refused callers all name the same resource, because a refusal changes nothing.
    refused = [
        (column, caller, clinic.request(operation, caller, nowhere=line.nowhere))
        for column, code in line.statuses.items()
        if code >= 400
        for clinic in [callers.revoked.get(column, callers.clinic)]
        for caller in callers.of_column(column, line, operation)
    ]
    before = state(cluster, database)
    for column, caller, request in refused:
        if column not in WITHOUT_FACTOR:
            send(column, caller, request)
    with second_factors(cluster, database):
        for column, caller, request in refused:
            if column in WITHOUT_FACTOR:
                send(column, caller, request)
    assert state(cluster, database) == before
    for column, code in line.statuses.items():
        for caller in callers.of_column(column, line, operation) if code < 400 else ():
            fresh = operation.method != "GET"
            request = callers.clinic.request(operation, caller, fresh=fresh)
            required = column in WITHOUT_FACTOR
            with second_factors(cluster, database) if required else nullcontext():
                send(column, caller, request)

    assert received == {column: {code} for column, code in line.statuses.items()}


def check(answer: requests.Response, column: str, operation: Operation, callers: Callers) -> None:
    """Assert that an answer has no data of others, whatever its status."""
    sound(answer, operation.id)
    clinic = callers.revoked.get(column, callers.clinic)
    if column in ("any", "pat2", "doc2", *REVOKED):
        assert not [secret for secret in clinic.secrets if secret in answer.text], answer.text
        assert "Ida Private" not in answer.text
    if operation.described["security"] and column in REVOKED:
        problem(answer, 401, REVOKED[column])
    if operation.described["security"] and column == "any":
        problem(answer, 401, "TM101")


def found(stranger: Client, line: Line) -> Operation:
    """The operation of a line."""
    by_name = {str(o): o for o in operations(stranger.contract.document)}
    assert line.operation in by_name, "no such operation: delete the line of rbac.txt"
    return by_name[line.operation]


def test_rbac_txt_lists_exactly_the_operations_of_the_document(stranger: Client) -> None:
    documented = operations(stranger.contract.document)
    expected = [(str(o), False) for o in documented]
    expected += [(str(o), True) for o in documented if "{" in o.path]
    assert sorted((line.operation, line.nowhere) for line in LINES) == sorted(expected)


@pytest.mark.parametrize("line", [line for line in LINES if not line.nowhere], ids=str)
def test_document_states_the_roles_of_every_operation(line: Line, stranger: Client) -> None:
    described = found(stranger, line).described
    assert bool(described["security"]) == (line.statuses["any"] == 401)
    if described["security"]:
        optional = [{}] if line.operation in WITHOUT_ACCESS_TOKEN else []
        assert described["security"] == [{"bearerAuth": []}, *optional]
        roles = described["description"].rpartition("Roles: ")[2].rstrip(".").split(", ")
        assert set(roles) == {ROLES[c] for c in ROLES if line.statuses[c] not in (401, 403)}


@pytest.mark.parametrize(
    "line",
    [x for x in LINES if not x.nowhere and x.operation not in WITHOUT_ACCESS_TOKEN],
    ids=str,
)
def test_authorization_is_checked_before_validation(line: Line, callers: Callers) -> None:
    operation = found(callers.stranger, line)
    for column in ORDINARY:
        if line.statuses[column] not in (401, 403):
            continue
        (caller,) = callers.of_column(column, line, operation)
        path = callers.clinic.request(operation, caller)["path"]
        for body in (None, b"{", b'{"role": "admin"}'):
            answer = caller.send(operation.method, path + "?role=admin", data=body)
            assert sound(answer).status_code == line.statuses[column]


@pytest.mark.parametrize("line", [line for line in LINES if line.nowhere], ids=str)
def test_malformed_id_is_not_found(line: Line, callers: Callers) -> None:
    operation = found(callers.stranger, line)
    for caller in (callers.clinic.patient, callers.clinic.doctor, callers.clinic.admin):
        request = callers.clinic.request(operation, caller)
        for other in ("no-uuid", "0", "null", "-1", "%2A", "' or true --"):
            path = re.sub(r"\{\w+\}", other, operation.path)
            problem(sound(caller.send(**{**request, "path": path})), 404, "HTTP404")


def test_resources_hidden_from_strangers_exist(callers: Callers) -> None:
    clinic = callers.clinic
    listed = ok(clinic.patient.get("/v1/consultations"))["items"]
    assert clinic.kept["treated"] in {row["id"] for row in listed}
    assert ok(clinic.patient.get("/v1/me"))["id"] in clinic.secrets


def test_valid_token_made_by_the_test_is_accepted(
    callers: Callers,
) -> None:
    for role in OTHER_ROLE:
        person = getattr(callers.clinic, role)
        ok(person.holding(token(person, role)).get("/v1/me"))
