"""Every function of api and ops, called with random arguments by every kind of caller.

A function must answer, or refuse with a code that its comment names, or with a code that
db/errors.md allows for a value that cannot be stored. Half of the calls are committed, so that
later calls find their rows. Environment variables: ATTACK_CALLS=300, SEED=short.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
import pytest

from api.db import CONTEXT, REPLAYED
from scripts.server import Cluster
from tests.security.values import Values
from tests.support import context
from tests.support.clinic import Clinic, open_clinic

PEOPLE = (
    *("admin", "doctor", "other_doctor", "patient", "other_patient", "nobody", "deactivated"),
    *("doctor", "patient"),
)
# The codes of db/errors.md for values that cannot be read or stored, and for slow statements.
# 00000 is a notice.
ALLOWED = re.compile(r"00000|22...|23502|23505|23514|23P01|54001|57014")
# Always rolled back: without the context key of the tests, the account or a verified address, later
# calls would be refused.
NEVER_COMMITTED = {"drop_context_key", "close_my_account", "require_verified_email"}
LOOK_AROUND_EVERY = 20


class Function(NamedTuple):
    """codes: the codes that its comment names. arguments: name and type."""

    schema: str
    name: str
    codes: frozenset[str]
    arguments: tuple[tuple[str, str], ...]
    defaults: int


class Call(NamedTuple):
    """person: the caller. arguments: name to text or null; an absent one has its default."""

    number: int
    login: str
    person: str
    function: Function
    arguments: dict[str, str | None]
    commit: bool

    def text(self) -> str:
        """The call as text for the report."""
        shown = {name: repr(value)[:120] for name, value in self.arguments.items()}
        arguments = ", ".join(f"{name} => {value}" for name, value in shown.items())
        end = "commit" if self.commit else "rollback"
        name = f"{self.function.schema}.{self.function.name}"
        return f"call {self.number}: {self.login} as {self.person}: {name}({arguments}); {end}"


@dataclass
class Fuzzer:
    """Makes calls and judges their answers."""

    clinic: Clinic
    chance: random.Random
    connections: dict[str, psycopg.Connection[tuple[Any, ...]]]
    functions: list[Function]
    values: Values
    notices: list[str]
    roles_refused: set[tuple[str, str]] = field(default_factory=set)

    def calls(self, count: int) -> Iterator[Call]:
        """Calls of all functions in turn, in random order. Some calls come twice."""
        deck: list[Function] = []
        again: Call | None = None
        for number in range(1, count + 1):
            if again is None:
                deck = deck or self.chance.sample(self.functions, len(self.functions))
                call = self._call(number, deck.pop())
                again = call if self.chance.random() < 0.1 else None
            else:
                call, again = again._replace(number=number), None
            yield call

    def _call(self, number: int, function: Function) -> Call:
        person = self.chance.choice(PEOPLE)
        if (function.name, person) in self.roles_refused and self.chance.random() < 0.8:
            suited = [p for p in PEOPLE if (function.name, p) not in self.roles_refused]
            person = self.chance.choice(suited or PEOPLE)
        sense = self.chance.choice((1.0, 1.0, 0.9, 0.5, 0.1))
        required = len(function.arguments) - function.defaults
        drawn = {
            name: self.values.draw(self.clinic.people[person].id, name, type_, sense)
            for n, (name, type_) in enumerate(function.arguments)
            if n < required or self.chance.random() < 0.7
        }
        login = self.chance.choice(("api", "dba"))
        commit = self.chance.random() < 0.5 and function.name not in NEVER_COMMITTED
        return Call(number, login, person, function, drawn, commit)

    def answer(self, call: Call) -> tuple[set[str], str]:
        """All codes of errors and notices, and the message of the error."""
        connection = self.connections[call.login]
        self.notices.clear()
        types = dict(call.function.arguments)
        placeholders = (f"{name} => %s::{types[name]}" for name in call.arguments)
        named = f"{call.function.schema}.{call.function.name}({', '.join(placeholders)})"
        arguments = tuple(call.arguments.values())
        person = self.clinic.people[call.person]
        try:
            connection.execute("begin")
            if call.login == "dba":
                connection.execute("select ops.act_as(%s) is null", (person.id or None,))
                query = f"select count(to_json(r)::text) from {named} as r"
            else:
                signed = context.values(person.id, person.role, "fuzz", person.session_id)
                query = f"""{CONTEXT} select (
                    select count(to_json(r)::text) from {named} as r
                     where context.request_id is not null) from context"""
                arguments = (*signed, *arguments)
            connection.execute(query.encode(), arguments)
            connection.execute(b"commit" if call.commit else b"rollback")
        except psycopg.Error as error:
            connection.execute("rollback")
            return {error.sqlstate or type(error).__name__, *self.notices}, str(error)
        return {*self.notices}, ""

    def surprise(self, call: Call, codes: set[str]) -> bool:
        """Whether one of the codes is not allowed for this call."""
        function = call.function
        if call.login == "api" and function.schema == "ops":
            return codes != {"42501"}
        expected = set(function.codes)
        if any(name == "p_idempotency_key" for name, _ in function.arguments):
            expected.add(REPLAYED)
        return any(not ALLOWED.fullmatch(code) for code in codes - expected)

    def open_session(self, name: str) -> None:
        """Open a new session for a person whose session a call has ended."""
        person = self.clinic.people[name]
        ((session_id,),) = self.clinic.rows(
            "insert into app.sessions (user_id) values (%s) returning id::text", (person.id,)
        )
        self.clinic.people[name] = person._replace(session_id=session_id)


@pytest.fixture
def clinic(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[Clinic]:
    with open_clinic(cluster, new_database()) as clinic:
        yield clinic


def test_random_arguments_cause_only_documented_errors(clinic: Clinic) -> None:
    given = os.environ.get("ATTACK_CALLS")
    count = int(given or 300)
    seed = os.environ.get("SEED") or (
        str(random.SystemRandom().randrange(10**9)) if given else "short"
    )
    print(f"\nfuzz: {count} calls, SEED={seed}")
    chance = random.Random(seed)
    notices: list[str] = []
    outcomes: Counter[str] = Counter()
    succeeded: set[str] = set()
    surprises: dict[tuple[str, str], str] = {}
    connections = {
        login: psycopg.connect(
            clinic.url(login), autocommit=True, options="-c statement_timeout=3s"
        )
        for login in ("api", "dba")
    }
    for connection in connections.values():
        connection.add_notice_handler(lambda notice: notices.append(notice.sqlstate or ""))
    fuzzer = Fuzzer(clinic, chance, connections, functions(clinic), Values(clinic, chance), notices)
    for call in fuzzer.calls(count):
        codes, message = fuzzer.answer(call)
        outcomes.update(codes or {"done"})
        if codes <= {REPLAYED}:
            succeeded.add(call.function.name)
        if fuzzer.surprise(call, codes):
            details = f"{sorted(codes)} {message.strip()[:400]}"
            surprises.setdefault((call.function.name, str(codes)), f"{call.text()}: {details}")
        if codes & {"TM101", "TM102", "TM301"}:
            fuzzer.roles_refused.add((call.function.name, call.person))
        if "TM102" in codes and call.person != "deactivated":
            fuzzer.open_session(call.person)
        if call.number % LOOK_AROUND_EVERY == 0:
            fuzzer.values.look_around()
    for connection in connections.values():
        connection.close()
    print(f"fuzz: {', '.join(f'{code} {n}' for code, n in outcomes.most_common())}")
    never = sorted({function.name for function in fuzzer.functions} - succeeded)
    print(f"fuzz: never succeeded: {', '.join(never) or 'none'}")
    report = "\n".join([f"SEED={seed}", *surprises.values()])
    assert not surprises, report
    assert outcomes["done"] > count // 10, report
    broken = clinic.rows("select name, examples from ops.check_invariants() where violations > 0")
    assert broken == [], report


def functions(clinic: Clinic) -> list[Function]:
    """All functions of the schemas api and ops."""
    rows = clinic.rows(
        """
        select n.nspname::text, p.proname::text, obj_description(p.oid, 'pg_proc'),
               coalesce(p.proargnames[1:p.pronargs], '{}'),
               array(select format_type(t, null)
                       from unnest(p.proargtypes) with ordinality as a (t, n) order by n),
               p.pronargdefaults
          from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
         where n.nspname in ('api', 'ops')
         order by 1, 2"""
    )
    return [
        Function(
            schema,
            name,
            frozenset(re.findall(r"TM\d{3}", comment)),
            tuple(zip(names, types, strict=True)),
            defaults,
        )
        for schema, name, comment, names, types, defaults in rows
    ]
