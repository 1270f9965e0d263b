"""Row-level security as a second layer: it hides rows from functions that forget a condition.

telemed_owner owns the functions of api and the tables. Row-level security is forced on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from api.db import CONTEXT
from scripts.server import Cluster
from scripts.system import CHECKOUT
from tests.support import context
from tests.support.client import at
from tests.support.clinic import NOBODY, Clinic, open_clinic

# The rows that each role sees, written independently of the policies.
NOTHING = "false"
ALL = "true"
CONSULTATION = {"patient": "c.patient_id = %(me)s", "doctor": "c.doctor_id = %(me)s", "admin": ALL}


def of_consultation(path: str) -> dict[str, str]:
    """Conditions for rows of a consultation: each role sees the rows of its consultations."""
    return {
        role: f"exists (select from {path} and {condition})"
        for role, condition in CONSULTATION.items()
    }


VISIBLE = {
    "users": {"patient": "t.id = %(me)s", "doctor": "t.id = %(me)s", "admin": ALL},
    "profiles": {
        "patient": "t.user_id = %(me)s",
        "doctor": "t.user_id = %(me)s or t.user_id in"
        " (select c.patient_id from app.consultations as c where c.doctor_id = %(me)s)",
        "admin": ALL,
    },
    "sessions": dict.fromkeys(("patient", "doctor", "admin"), "t.user_id = %(me)s"),
    "refresh_tokens": {},
    "secrets": {},
    "context_keys": {},
    "idempotency_keys": dict.fromkeys(("patient", "doctor", "admin"), "t.user_id = %(me)s"),
    "consultations": of_consultation("app.consultations as c where c.id = t.id"),
    "prescriptions": of_consultation("app.consultations as c where c.id = t.consultation_id"),
    "prescription_items": of_consultation(
        "app.prescriptions as p join app.consultations as c on c.id = p.consultation_id"
        " where p.id = t.prescription_id"
    ),
    "payments": {
        **of_consultation("app.consultations as c where c.id = t.consultation_id"),
        "doctor": NOTHING,
    },
    "time_off": {"doctor": "t.doctor_id = %(me)s", "admin": ALL},
    "audit_logs": {"admin": ALL},
    "access_logs": {"admin": ALL},
    "roles": {},
    "recovery_codes": {},
    "password_resets": {},
    "email_verifications": {},
    "notification_preferences": dict.fromkeys(("patient", "doctor", "admin"), "t.user_id = %(me)s"),
    "calendar_feeds": dict.fromkeys(("patient", "doctor", "admin"), "t.user_id = %(me)s"),
    "log_in_attempts": {},
    "audit_seals": {},
    "activity_by_quarter_hour": {},
    "activity_by_doctor_and_day": {},
    "activity_folds": {},
    "backups": {},
    "events": {"admin": ALL},
    "latest_events": {},
    "event_origin": {},
    "messages": {},
    "message_tokens": {},
    "webhook_endpoints": {"admin": ALL},
    "webhook_deliveries": {"admin": ALL},
    "webhook_attempts": {"admin": ALL},
    "webhook_redeliveries": {"admin": ALL},
}
# A caller sees the rows of any other table of consultations if it sees the consultation.
NAMES_A_CONSULTATION = re.compile(
    r"^create table app\.(\w+) \([^;]*"
    r"^    consultation_id uuid not null references app\.consultations",
    re.M,
)
for script in sorted((CHECKOUT / "db/deploy").rglob("*.sql")):
    for found in NAMES_A_CONSULTATION.findall(script.read_text()):
        VISIBLE.setdefault(
            found, of_consultation("app.consultations as c where c.id = t.consultation_id")
        )
OPEN = {
    "clinic_settings": "settings of the clinic are not confidential",
    "availability_slots": "every account that is logged in searches for slots, open or not",
    "doctors": "every account that is logged in may read the profiles of doctors",
    "specialties": "every account that is logged in may read the list of specialties",
    "consultation_transitions": "rules, the same for all callers",
    "log_in_limits": "rules, the same for all callers",
    "invariant_findings": "names of rules and ids of rows, for functions of `ops` and `work` only",
}
PEOPLE = ("patient", "other_patient", "doctor", "other_doctor", "admin", "deactivated", "nobody")

# Rows that a caller must not insert: the caller and the insert.
INSERTS = {
    "a consultation of another patient": (
        "patient",
        "app.consultations (slot_id, doctor_id, patient_id, starts_at, ends_at, fee_minor,"
        " currency) select id, doctor_id, {other_patient}, starts_at, ends_at, 1, 'EUR'"
        " from app.availability_slots where id = {open slot of doctor}",
    ),
    "a consultation that the doctor books": (
        "doctor",
        "app.consultations (slot_id, doctor_id, patient_id, starts_at, ends_at, fee_minor,"
        " currency) select id, doctor_id, {patient}, starts_at, ends_at, 1, 'EUR'"
        " from app.availability_slots where id = {open slot of doctor}",
    ),
    "a prescription by another doctor": (
        "other_doctor",
        "app.prescriptions (consultation_id) values ({completed of patient})",
    ),
    "a prescription by the patient": (
        "patient",
        "app.prescriptions (consultation_id) values ({completed of patient})",
    ),
    "a prescription by an admin": (
        "admin",
        "app.prescriptions (consultation_id) values ({completed of patient})",
    ),
    "a payment of another patient": (
        "other_patient",
        "app.payments (consultation_id, kind, amount_minor, currency, method)"
        " values ({scheduled of patient}, 'payment', 1, 'EUR', 'card')",
    ),
    "a payment by the doctor": (
        "doctor",
        "app.payments (consultation_id, kind, amount_minor, currency, method)"
        " values ({scheduled of patient}, 'payment', 1, 'EUR', 'card')",
    ),
    "time off of another doctor": (
        "other_doctor",
        "app.time_off (doctor_id, starts_at, ends_at) values ({doctor}, {soon}, {later})",
    ),
    "time off by a patient": (
        "patient",
        "app.time_off (doctor_id, starts_at, ends_at) values ({doctor}, {soon}, {later})",
    ),
    "a key of another user": (
        "patient",
        "app.idempotency_keys (user_id, operation, key, fingerprint, fingerprint_version, response)"
        " values ({other_patient}, 'x', 'x', sha256('x'), 1, '{{}}')",
    ),
    "a session of another user": ("admin", "app.sessions (user_id) values ({patient})"),
    "a refresh token": (
        "patient",
        "app.refresh_tokens (token_hash, session_id) values (sha256('x'), {session of patient})",
    ),
    "an account": (
        "patient",
        "app.users (email, password_hash, role)"
        " values ('x@attacked.test', '$2b$04$' || repeat('a', 53), 'admin')",
    ),
    "a profile": ("patient", "app.profiles (user_id, full_name) values ({patient}, 'x')"),
    "the audit log": (
        "admin",
        "app.audit_logs (table_name, row_id, operation, new) values ('x', 'x', 'INSERT', '{{}}')",
    ),
    "an event": ("admin", "app.events (type, user_id) values ('account.created', {patient})"),
    "the newest event of a consultation": (
        "patient",
        "app.latest_events (consultation_id, event_id, transaction_id)"
        " values ({scheduled of patient}, 1, '1')",
    ),
    "the access log in another name": (
        "patient",
        "app.access_logs (kind, operation, user_id) values ('read', 'x', {other_patient})",
    ),
    "a context key": ("admin", "app.context_keys (id, key) values (repeat('0', 16), sha256('x'))"),
    "a recovery code": (
        "patient",
        "app.recovery_codes (user_id, code_hash) values ({patient}, sha256('x'))",
    ),
    "a password reset": (
        "admin",
        "app.password_resets (user_id, token_hash) values ({patient}, sha256('x'))",
    ),
    "a verification of an e-mail address": (
        "admin",
        "app.email_verifications (user_id, email, token_hash)"
        " values ({patient}, 'a@clinic.test', sha256('x'))",
    ),
    "a message": (
        "admin",
        "app.messages (event_id, user_id, kind, channel, send_at)"
        " values (1, {patient}, 'new_device', 'email', now())",
    ),
    "the token of a message": (
        "admin",
        "app.message_tokens (token_hash, message_id) values (sha256('x'), {patient})",
    ),
    "a notification preference of another user": (
        "admin",
        "app.notification_preferences values ({patient}, 'booked', false, false)",
    ),
    "a calendar of another user": (
        "admin",
        "app.calendar_feeds (user_id, token_hash) values ({patient}, sha256('x'))",
    ),
    "a secret": ("admin", "app.secrets (name) values ('mine')"),
    "a webhook of a doctor": (
        "doctor",
        "app.webhook_endpoints (url, secret) values ('https://hooks.attacked.test', 'x')",
    ),
    "an attempt of a webhook": (
        "admin",
        "app.webhook_attempts (endpoint_id, delivery_id, attempt, attempted_at, status_code)"
        " select endpoint_id, id, 2, now(), 200 from app.webhook_deliveries",
    ),
}


@pytest.fixture(scope="module")
def clinic(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[Clinic]:
    with open_clinic(cluster, new_database()) as clinic:
        # The access log has a row of the patient, too.
        with clinic.onlooker.transaction():
            clinic.rows("select ops.act_as(%s)", (clinic.people["patient"].id,))
        clinic.rows("select ops.seal_audit(p_wait => '1 minute')")
        for row in (
            "app.recovery_codes (user_id, code_hash) values (%s, sha256('a'))",
            "app.password_resets (user_id, token_hash) values (%s, sha256('a'))",
            "app.email_verifications (user_id, email, token_hash)"
            " values (%s, 'a@clinic.test', sha256('a'))",
            "app.notification_preferences select u.id, 'booked', true, true from app.users as u"
            " where u.role = 'doctor' or u.id = %s",
            "app.calendar_feeds (user_id, token_hash)"
            " select u.id, sha256(convert_to(u.id::text, 'UTF8')) from app.users as u"
            " where u.role = 'doctor' or u.id = %s",
            "app.log_in_attempts (subject) values (sha256(convert_to(%s, 'UTF8')))",
            "app.messages (event_id, user_id, kind, channel, send_at)"
            " values (1, %s, 'new_device', 'email', now())",
            "app.message_tokens (token_hash, message_id)"
            " select sha256('a'), m.id from app.messages as m where m.user_id = %s",
        ):
            clinic.onlooker.execute(f"insert into {row}".encode(), (clinic.people["patient"].id,))
        clinic.onlooker.execute("select ops.rebuild_activity()")
        clinic.onlooker.execute(
            """
            with w as (
                insert into app.webhook_endpoints (url, secret)
                values ('https://hooks.attacked.test', 'x') returning id
            ), d as (
                insert into app.webhook_deliveries (endpoint_id, event_id, event_type, body)
                select id, 1, 'account.created', '{"a": 1}' from w returning id, endpoint_id
            ), r as (
                insert into app.webhook_redeliveries (endpoint_id, event_id, deliveries)
                select id, 1, 1 from w
            )
            insert into app.webhook_attempts
                (endpoint_id, delivery_id, attempt, attempted_at, status_code)
            select endpoint_id, id, 1, now(), 200 from d
            """
        )
        for table in VISIBLE:
            if not clinic.rows(f"select 1 from app.{table} limit 1"):
                add_rows(clinic, table)
        yield clinic


def add_rows(clinic: Clinic, table: str) -> None:
    """A row for the completed consultation of each patient; other columns hold a text."""
    columns = clinic.rows(
        "select attname::text from pg_attribute where attrelid = %s::regclass"
        " and attnum > 0 and attnotnull and not atthasdef and attidentity = ''",
        (f"app.{table}",),
    )
    names = [name for (name,) in columns]
    for patient in ("patient", "other_patient"):
        values = {"consultation_id": clinic.ids[f"completed of {patient}"]}
        clinic.onlooker.execute(
            f"insert into app.{table} ({', '.join(names)})"
            f" values ({', '.join(['%s'] * len(names))})".encode(),
            [values.get(name, f"{name} of {patient}") for name in names],
        )


@contextmanager
def as_owner_for(clinic: Clinic, name: str) -> Iterator[None]:
    """Be telemed_owner with a verified actor, as in a function; roll back at the end."""
    person = clinic.people[name]
    with clinic.onlooker.transaction(force_rollback=True):
        clinic.rows(
            "select set_config('app.verified_user_id', %s, true),"
            " set_config('app.verified_role', %s, true)",
            (person.id, person.role),
        )
        clinic.rows("set local role telemed_owner")
        yield


def expected(clinic: Clinic, table: str, name: str) -> list[str]:
    """The rows that a person may see, read by a superuser."""
    person = clinic.people[name]
    condition = VISIBLE[table].get(person.role, NOTHING)
    query = f"select t::text from app.{table} as t where {condition} order by 1"
    found = clinic.onlooker.execute(query.encode(), {"me": person.id or None})
    return [row for (row,) in found]


def test_every_table_has_row_level_security_or_a_reason(clinic: Clinic) -> None:
    tables = clinic.rows(
        "select relname::text, relrowsecurity and relforcerowsecurity from pg_class"
        " where relnamespace = 'app'::regnamespace and relkind in ('r', 'p') and not relispartition"
    )
    assert {table for table, forced in tables if forced} == set(VISIBLE)
    assert {table for table, forced in tables if not forced} == set(OPEN)


def test_every_table_has_rows_to_hide(clinic: Clinic) -> None:
    for table in VISIBLE:
        assert clinic.rows(f"select 1 from app.{table}"), table
        for role in ("patient", "doctor"):
            if VISIBLE[table].get(role, NOTHING) != NOTHING:
                assert expected(clinic, table, role), (table, role)
                assert expected(clinic, table, role) != expected(clinic, table, f"other_{role}")


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("table", VISIBLE)
def test_table_shows_only_rows_of_the_caller(clinic: Clinic, table: str, name: str) -> None:
    with as_owner_for(clinic, name):
        seen = clinic.rows(f"select t::text from app.{table} as t order by 1")
    assert sorted(row for (row,) in seen) == sorted(expected(clinic, table, name))


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("table", VISIBLE)
def test_updates_and_deletes_reach_no_row_of_others(clinic: Clinic, table: str, name: str) -> None:
    mine = expected(clinic, table, name)
    others = clinic.rows(
        f"select array_agg(ctid::text) from app.{table} as t where t::text <> all (%s)", (mine,)
    )[0]
    column = clinic.rows(
        "select attname::text from pg_attribute"
        " where attrelid = %s::regclass and attnum > 0 and attidentity = '' order by attnum",
        (f"app.{table}",),
    )[0][0]
    with as_owner_for(clinic, name):
        for statement in (
            f"update app.{table} set {column} = {column}",
            f"delete from app.{table}",
        ):
            changed = clinic.onlooker.execute(
                f"{statement} where ctid = any (%s::tid[])".encode(), others
            )
            assert changed.rowcount == 0, statement


@pytest.mark.parametrize("insert", INSERTS)
def test_inserts_of_rows_of_others_are_refused(clinic: Clinic, insert: str) -> None:
    name, statement = INSERTS[insert]
    values = {person: f"'{p.id}'" for person, p in clinic.people.items()}
    values |= {kind: f"'{id_}'" for kind, id_ in clinic.ids.items()}
    values["session of patient"] = f"'{clinic.people['patient'].session_id}'"
    values |= {"soon": f"'{at(40)}'", "later": f"'{at(41)}'"}
    with as_owner_for(clinic, name), pytest.raises(psycopg.Error) as refusal:
        clinic.rows(f"insert into {statement.format_map(values)}")
    assert "row-level security" in str(refusal.value)
    assert refusal.value.sqlstate == "42501"


@pytest.mark.parametrize(
    ("table", "column"), [("sessions", "user_id"), ("users", "id"), ("idempotency_keys", "user_id")]
)
def test_rows_cannot_be_transferred_to_others(clinic: Clinic, table: str, column: str) -> None:
    stranger = clinic.people["other_patient"].id
    with as_owner_for(clinic, "patient"), pytest.raises(psycopg.Error) as refusal:
        clinic.rows(f"update app.{table} set {column} = %s", (stranger,))
    # The trigger idempotency_keys_are_append_only fires first.
    assert refusal.value.sqlstate == ("TM912" if table == "idempotency_keys" else "42501")


@pytest.mark.parametrize("name", PEOPLE)
def test_view_shows_no_more_than_its_tables(clinic: Clinic, name: str) -> None:
    """Each view of api and its table of the same name."""
    for table in (
        "users",
        "consultations",
        "prescriptions",
        "payments",
        "time_off",
        "audit_logs",
        "events",
    ):
        with as_owner_for(clinic, name):
            ((seen,),) = clinic.rows(f"select count(*) from api.{table}")
        assert seen == len(expected(clinic, table, name)), table


# A function without a WHERE. `first` either verifies the actor or forgets it.
UNSAFE_FUNCTION = """
    create function api.{name}(p_table text)
    returns setof text
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    as $$
    begin
        {first}
        return query execute format('select t::text from app.%I as t', p_table);
    end;
    $$;
    grant execute on function api.{name}(text) to telemed_api"""


@pytest.fixture(scope="module")
def unsafe(clinic: Clinic) -> Clinic:
    with clinic.onlooker.transaction():
        clinic.rows("set local role telemed_owner")
        clinic.rows(
            UNSAFE_FUNCTION.format(name="without_where", first="perform app.current_actor();")
        )
        clinic.rows(
            UNSAFE_FUNCTION.format(name="without_actor", first="perform app.forget_actor();")
        )
    return clinic


def ask(clinic: Clinic, name: str, function: str, table: str, before: str = "") -> list[str]:
    """The rows that the function shows to a person with a valid context, after a statement."""
    person = clinic.people[name]
    signed = context.values(person.id, person.role, "layers", person.session_id)
    query = f"""{CONTEXT} select r from context, lateral (
        select * from api.{function}(%s) as r where context.request_id is not null) as r (r)"""
    with psycopg.connect(clinic.url("api")) as connection:
        if before:
            connection.execute(f"{CONTEXT} {before}".encode(), signed)
        return sorted(r for (r,) in connection.execute(query.encode(), (*signed, table)))


@pytest.mark.parametrize("name", ("patient", "other_patient", "doctor", "other_doctor", "admin"))
def test_function_without_a_where_shows_rows_of_the_caller_only(unsafe: Clinic, name: str) -> None:
    for table in VISIBLE:
        assert ask(unsafe, name, "without_where", table) == sorted(expected(unsafe, table, name)), (
            table
        )


@pytest.mark.parametrize("name", ("patient", "doctor", "admin"))
@pytest.mark.parametrize(
    "before",
    [
        "",
        "select api.my_profile() from context",
        "select set_config('app.verified_user_id', user_id, false),"
        " set_config('app.verified_role', 'admin', false) from context",
    ],
    ids=("alone", "after another call", "with a verified role of the caller's own"),
)
def test_function_without_an_actor_shows_nothing(unsafe: Clinic, name: str, before: str) -> None:
    for table in VISIBLE:
        assert ask(unsafe, name, "without_actor", table, before) == [], table


def test_function_without_a_caller_shows_nothing(unsafe: Clinic) -> None:
    assert unsafe.people["nobody"] == NOBODY
    for table in VISIBLE:
        assert ask(unsafe, "nobody", "without_actor", table) == [], table
    with pytest.raises(psycopg.Error) as refusal:
        ask(unsafe, "nobody", "without_where", "users")
    assert refusal.value.sqlstate == "TM101"
