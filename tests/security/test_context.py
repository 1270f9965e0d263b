"""Forged contexts: a database password without a valid context signature gives no actor.

Each attack is a row: statements on one connection. The last one is refused with the code
of the row. With an empty code it succeeds, and shows only data that the row names. Afterwards the
database is unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple
from unittest.mock import patch

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api import context
from scripts.cluster import THROWAWAY_CONTEXT_KEY
from scripts.server import Cluster
from tests.support.clinic import HASH, LOGINS, Clinic, open_clinic
from tests.support.sql_client import Person, SqlClient

OTHER_KEY = "a key that the database does not know"
CALL = "select api.my_profile()"
LIST = "select * from api.list_audit_logs()"
FORGED = (
    "set_config('app.verified_user_id', '{admin_id}', true),"
    " set_config('app.verified_role', 'admin', true)"
)


class Attack(NamedTuple):
    """login: api, dba or auditor. may_see: the people whose data the statements may show."""

    login: str
    code: str
    name: str
    steps: tuple[str, ...]
    may_see: tuple[str, ...] = ()
    options: str = ""


def attack(
    login: str, code: str, name: str, *steps: str, may_see: tuple[str, ...] = (), options: str = ""
) -> Attack:
    return Attack(login, code, name, steps, may_see, options)


def api(code: str, name: str, *steps: str, **more: Any) -> Attack:
    return attack("api", code, name, *steps, **more)


def dba(code: str, name: str, *steps: str, **more: Any) -> Attack:
    return attack("dba", code, name, *steps, **more)


def auditor(code: str, name: str, *steps: str, **more: Any) -> Attack:
    return attack("auditor", code, name, *steps, **more)


# {<context>} stands for the set_config calls of an item of `contexts` in values_of().
SETTINGS = [
    api("TM101", "no context at all", CALL),
    api("TM101", "SET", "set app.user_id = '{admin_id}'", "set app.role = 'admin'", LIST),
    api(
        "TM101",
        "SET LOCAL",
        "begin",
        "set local app.user_id = '{admin_id}'",
        "set local app.role = 'admin'",
        LIST,
    ),
    api(
        "TM101",
        "set_config for the session",
        "select set_config('app.user_id', '{admin_id}', false),"
        " set_config('app.role', 'admin', false)",
        LIST,
    ),
    api(
        "TM101",
        "set_config for the transaction",
        "begin",
        "select set_config('app.user_id', '{admin_id}', true),"
        " set_config('app.role', 'admin', true)",
        LIST,
    ),
    api("TM101", "SET of the verified user", "set app.verified_user_id = '{admin_id}'", CALL),
    api(
        "TM101",
        "SET LOCAL of the verified user and role",
        "begin",
        "set local app.verified_user_id = '{admin_id}'",
        "set local app.verified_role = 'admin'",
        LIST,
    ),
    api(
        "TM101",
        "verified user and role, set in the statement of the call",
        f"with x as materialized (select {FORGED}) select api.my_profile() from x",
    ),
    api(
        "TM101",
        "verified role, set in the arguments of the call",
        "select api.get_consultation("
        "('{consultation}' || left(set_config('app.verified_role', 'admin', true), 0))::uuid)",
    ),
    api(
        "TM301",
        "a patient's context with an admin's verified role",
        "begin",
        "select {patient}",
        f"with x as materialized (select {FORGED})"
        " select (select count(*) from api.list_audit_logs() where x is not null) from x",
    ),
    api(
        "TM301",
        "verified role, set between two calls",
        "begin",
        "select {patient}",
        CALL + " is null",
        "set local app.verified_role = 'admin'",
        LIST,
    ),
    api(
        "",
        "a list with the verified id of another patient",
        "begin",
        "select {patient}",
        "select set_config('app.verified_user_id', '{other_patient_id}', true)",
        "select * from api.list_consultations()",
        may_see=("patient", "doctor"),
    ),
    api(
        "TM403",
        "a foreign consultation with an admin's verified role",
        "begin",
        f"select {{other_patient}}, {FORGED}",
        "select * from api.get_consultation('{consultation}')",
    ),
    api("TM101", "options of the connection", CALL, options="-c app.user_id={admin_id}"),
    api("TM101", "a role in the options", LIST, options="-c app.role=admin"),
    api(
        "TM101",
        "verified user and role, in the options",
        LIST,
        options="-c app.verified_role=admin -c app.verified_user_id={admin_id}",
    ),
    api(
        "TM101",
        "a signature in the options",
        LIST,
        options="-c app.user_id={admin_id} -c app.role=admin -c app.proof=database||1|00",
    ),
    api("TM101", "RESET of the verified role", "reset app.verified_role", CALL),
    api("TM101", "DISCARD ALL", "discard all", CALL),
    api(
        "42501", "ALTER ROLE SET of the verified role", "{alter_api} set app.verified_role = admin"
    ),
    api("42501", "ALTER ROLE SET of the user", "{alter_api} set app.user_id = '{admin_id}'"),
    api("42501", "ALTER ROLE SET for all roles", "alter role all set app.verified_role = admin"),
    api("42501", "ALTER ROLE of another role", "alter role telemed_owner set app.role = admin"),
    api("42501", "ALTER DATABASE SET", "alter database {database} set app.verified_role = admin"),
    api("42501", "ALTER SYSTEM SET", "alter system set app.verified_role = admin"),
    dba("42501", "ALTER ROLE SET by a DBA", "alter role telemed_api set app.verified_role = admin"),
    dba(
        "42501",
        "ALTER ROLE SET of the DBA's own login",
        "alter role {dba_login} in database {database} set app.verified_role = admin",
    ),
    dba("42501", "ALTER DATABASE by a DBA", "alter database {database} set app.role = admin"),
]

ROLES = [
    *(
        attack(login, "42501", f"SET ROLE {role} by the {login}", f"set role {role}")
        for login, roles in {
            "api": ("telemed_owner", "telemed_internal", "telemed_dba", "telemed_auditor"),
            "dba": ("telemed_owner", "telemed_internal", "telemed_api", "telemed_auditor"),
            "auditor": ("telemed_owner", "telemed_internal", "telemed_api", "telemed_dba"),
        }.items()
        for role in (*roles, "postgres")
    ),
    *(
        attack(login, "42501", f"SET SESSION AUTHORIZATION {role} by the {login}", statement)
        for login in LOGINS
        for role in ("telemed_owner", "postgres")
        for statement in (f"set session authorization {role}",)
    ),
    api("42501", "SET LOCAL ROLE", "begin", "set local role telemed_internal"),
    api("42501", "a role by set_config", "select set_config('role', 'telemed_owner', true)"),
    api(
        "42501",
        "a session authorization by set_config",
        "select set_config('session_authorization', 'postgres', true)",
    ),
    api("42501", "a database role in the options", options="-c role=telemed_internal"),
    dba("42501", "a database role in a DBA's options", options="-c role=telemed_owner"),
    api("42501", "a grant of the owner", "grant telemed_owner to telemed_api"),
    api("42501", "a grant of the API's own role", "grant telemed_api to {auditor_login}"),
    dba("42501", "a DBA's grant of the owner", "grant telemed_internal to {dba_login}"),
    dba("42501", "a DBA's grant of a DBA's rights", "grant telemed_dba to {auditor_login}"),
    api("42501", "a new role", "create role intruder superuser"),
    api("42501", "BYPASSRLS", "alter role telemed_api bypassrls"),
    api("42501", "REASSIGN OWNED", "reassign owned by telemed_owner to telemed_api"),
    api("42501", "DROP OWNED", "drop owned by telemed_owner"),
    dba("42501", "DROP OWNED by a DBA", "drop owned by telemed_internal"),
    api("42501", "session_replication_role", "set session_replication_role = replica"),
    api("42501", "replication in the options", options="-c session_replication_role=replica"),
    dba("42501", "session_replication_role by a DBA", "set session_replication_role = replica"),
    api(
        "42501",
        "row_security off",
        "set row_security = off",
        "begin",
        "select {patient}",
        "select * from api.list_consultations()",
    ),
    api("42501", "row_security off in the options", CALL, options="-c row_security=off"),
    dba(
        "42501", "row_security off by a DBA", "set row_security = off", "begin", "{act_as_patient}"
    ),
]

SIGNATURES = [
    *(
        api("TM101", name, "begin", f"select {{{name}}}", CALL)
        for name in (
            "another user",
            "another user in capital letters",
            "no user",
            "another role",
            "no role",
            "another request",
            "no request",
            "another session",
            "no session",
            "a later expiry",
            "an expiry in words",
            "the key of the database",
            "an unknown key id",
            "a shorter HMAC",
            "a longer HMAC",
            "an HMAC in capital letters",
            "an empty HMAC",
            "separators only",
            "blanks",
            "an expired signature",
            "an unknown key",
            "an unknown key under the right id",
            "an empty key",
            "a valid signature without a session",
            "a role hidden in the request id",
            "a user hidden in the request id",
        )
    ),
    *(
        api("TM102", name, "begin", f"select {{{name}}}", CALL)
        for name in (
            "a role that the user does not have",
            "a deactivated user",
            "a user who does not exist",
            "the session of another user",
            "a session that does not exist",
            "a session that is over",
        )
    ),
    api(
        "TM101",
        "a user that is changed after the signature was verified",
        "begin",
        "select {patient}",
        CALL + " is null",
        "set local app.user_id = '{other_patient_id}'",
        CALL,
    ),
    api(
        "TM101",
        "a role that is changed after the signature was verified",
        "begin",
        "select {patient}",
        CALL + " is null",
        "set local app.role = 'admin'",
        LIST,
    ),
    api(
        "TM301", "an admin's list with a patient's valid context", "begin", "select {patient}", LIST
    ),
    api("TM101", "a valid context without a user", "begin", "select {anonymous}", CALL),
    api(
        "TM101",
        "a context without a user, after a failed log-in",
        "begin",
        "select {anonymous}",
        "select api.log_in('patient@attacked.test', 'wrong') is null",
        CALL,
    ),
    api(
        "TM101",
        "a log-in, then the role of an admin",
        "begin",
        "select {anonymous}",
        f"select api.log_in('patient@attacked.test', '{HASH}') is null",
        "set local app.role = 'admin'",
        LIST,
    ),
    api(
        "TM101",
        "a log-in that was rolled back",
        "begin",
        "select {anonymous}",
        "savepoint s",
        f"select api.log_in('patient@attacked.test', '{HASH}') is null",
        "rollback to s",
        CALL,
    ),
]

STALE = [
    api(
        "TM101",
        "a pooled connection after a commit",
        "begin",
        "select {patient}",
        CALL + " is null",
        "commit",
        CALL,
    ),
    api(
        "TM101",
        "a pooled connection after a rollback",
        "begin",
        "select {patient}",
        CALL + " is null",
        "rollback",
        CALL,
    ),
    api("TM101", "after one statement", "select {patient}", CALL),
    api(
        "TM101",
        "after an error",
        "begin",
        "savepoint s",
        "select {patient}",
        CALL + " is null",
        "rollback to s",
        CALL,
    ),
    api(
        "TM101",
        "a transaction that goes on",
        "begin",
        "select {patient}",
        CALL + " is null",
        "commit and chain",
        CALL,
    ),
    api(
        "",
        "the actor of a call stays verified",
        "begin",
        "select {patient}",
        CALL + " is null",
        "select 1 / (concat(current_setting('app.verified_user_id', true),"
        " current_setting('app.verified_role', true)) = '{patient_id}patient')::integer",
    ),
    api(
        "TM101",
        "the actor of a call, without its signature",
        "begin",
        "select {patient}",
        CALL + " is null",
        "select set_config('app.proof', '', true)",
        CALL,
    ),
    api(
        "",
        "a refused call leaves no verified actor",
        "begin",
        "select {patient}",
        "do $$ begin perform api.list_audit_logs(); exception when others then null; end $$",
        "select 1 / (concat(current_setting('app.verified_user_id', true),"
        " current_setting('app.verified_role', true)) = '')::integer",
    ),
    api(
        "TM101",
        "a prepared statement",
        "prepare profile as select api.my_profile()",
        "begin",
        "select {patient}",
        "explain execute profile",
        "explain analyze execute profile",
        "commit",
        "execute profile",
    ),
    api(
        "TM101",
        "a generic plan",
        "set plan_cache_mode = force_generic_plan",
        "prepare consultation (uuid) as select api.get_consultation($1)",
        "begin",
        "select {patient}",
        "explain analyze execute consultation('{consultation}')",
        "commit",
        "execute consultation('{consultation}')",
    ),
    api(
        "TM101",
        "a cursor that is held",
        "begin",
        "declare held cursor with hold for select api.my_profile()",
        "commit",
    ),
    api(
        "",
        "a held cursor shows the rows that it read with its context",
        "begin",
        "select {patient}",
        "declare held cursor with hold for select api.my_profile()",
        "commit",
        "fetch all from held",
        may_see=("patient",),
    ),
    api(
        "TM101",
        "a cursor that is opened with one context and read with another",
        "begin",
        "select {patient}",
        "declare profile cursor for select api.my_profile()",
        "set local app.user_id = '{admin_id}'",
        "fetch all from profile",
    ),
    api(
        "TM101",
        "a block that goes on after the refusal",
        "do $$ begin perform api.my_profile(); exception when others then"
        " perform set_config('app.verified_user_id', '{admin_id}', true);"
        " perform set_config('app.verified_role', 'admin', true);"
        " perform api.list_audit_logs(); end $$",
    ),
    api(
        "TM101",
        "a block that commits",
        "do $$ begin perform {patient}; commit; perform api.my_profile(); end $$",
    ),
    dba("TM101", "act_as after a commit", "begin", "{act_as_patient}", "commit", CALL),
    dba("TM210", "act_as in a statement of its own", "{act_as_patient}"),
    dba(
        "TM101",
        "act_as alone in a DO block",
        "do $$ begin perform ops.act_as('patient@attacked.test'); end $$",
        CALL,
    ),
    dba("TM101", "act_as and chain", "begin", "{act_as_patient}", "commit and chain", CALL),
    dba(
        "TM101",
        "act_as that was rolled back",
        "begin",
        "savepoint s",
        "{act_as_patient}",
        "rollback to s",
        CALL,
    ),
    dba(
        "TM101",
        "act_as in a block that commits",
        "do $$ begin perform ops.act_as('patient@attacked.test'); commit;"
        " perform api.my_profile(); end $$",
    ),
    dba(
        "TM101",
        "act_as with another role",
        "begin",
        "{act_as_patient}",
        "set local app.role = 'admin'",
        LIST,
    ),
    dba(
        "TM101",
        "act_as under another request",
        "begin",
        "{act_as_patient}",
        "set local app.request_id = 'another request'",
        CALL,
    ),
    dba("TM101", "act_as null", "begin", "select ops.act_as(null) is null", CALL),
    dba("TM301", "act_as a patient, then an admin's list", "begin", "{act_as_patient}", LIST),
    dba("TM406", "act_as an unknown account", "begin", "select ops.act_as('x') is null"),
    dba(
        "TM102",
        "act_as a deactivated account",
        "begin",
        "select ops.act_as('{deactivated_id}')",
        CALL,
        may_see=("deactivated",),
    ),
    dba(
        "TM101",
        "a signature of act_as in the next transaction",
        "begin",
        "{act_as_patient}",
        "{keep_context}",
        "commit",
        "begin",
        "{take_context}",
        CALL,
    ),
    dba(
        "TM101",
        "a key that was never committed",
        "begin",
        f"select ops.add_context_key('{OTHER_KEY}') is null",
        "rollback",
        "begin",
        "select {an unknown key}",
        CALL,
    ),
    dba(
        "TM101",
        "a signature of another role, from a DBA",
        "begin",
        "select {another role}",
        LIST,
    ),
]

SHADOWS = [
    api("42501", "a temporary table", "create temp table users (id uuid)"),
    api("42501", "a temporary view", "create temp view users as select 1"),
    api(
        "42501",
        "a temporary function",
        "create function pg_temp.current_setting(text, boolean) returns text"
        " language sql as $$ select 'admin' $$",
    ),
    api("42501", "a temporary operator", "create operator pg_temp.= (function = pg_catalog.texteq,"
        " leftarg = text, rightarg = text)"),
    dba("42501", "a DBA's temporary table", "create temp table users (id uuid)"),
    auditor("42501", "an auditor's temporary table", "create temp table audit_logs (id uuid)"),
    api("42501", "a new schema", "create schema app_too"),
    api("42501", "a table in public", "create table public.users ()"),
    api("42501", "a function in api", "create function api.my_profile(text) returns text"
        " language sql as 'select 1'"),
    api("42501", "another body", "create or replace function api.my_profile() returns api.users"
        " language sql security definer as 'select * from api.users limit 1'"),
    api("42501", "an unpinned search_path", "alter function api.my_profile() reset search_path"),
    api("42501", "a role after calls", "alter function api.my_profile() reset app.verified_role"),
    api("42501", "security invoker", "alter function api.my_profile() security invoker"),
    api("42501", "a dropped function", "drop function api.my_profile()"),
    api("42501", "a trigger", "create trigger t before insert on app.users"
        " execute function app.rows_are_append_only()"),
    api("42501", "a policy", "create policy p on app.users to telemed_api using (true)"),
    api("42501", "unforced policies", "alter table app.users no force row level security"),
    api("42501", "a rule", "create rule r as on select to app.users do instead select 1"),
    api("42501", "a cast", "create cast (app.email as text) without function"),
    api("42501", "an event trigger", "create event trigger e on ddl_command_start"
        " execute function app.rows_are_append_only()"),
    api("42501", "a publication", "create publication everything for all tables"),
    api("42501", "a language", "create language l handler plpgsql_call_handler"),
    api("42501", "search_path to the tables", "set search_path = app, api", "select * from users"),
    api("TM101", "search_path to nowhere", "set search_path = pg_temp, api", "select my_profile()"),
    api(
        "",
        "search_path with pg_catalog last",
        "set search_path = pg_temp, public, api, pg_catalog",
        "begin",
        "select {patient}",
        "select * from list_consultations()",
        may_see=("patient", "doctor"),
    ),
]  # fmt: skip

DIRECT = [
    api("42501", "the tables", "select * from app.users"),
    api("42501", "the views", "select * from api.users"),
    api("42501", "the views after a valid context", "begin", "select {patient}",
        "select * from api.users"),
    api("42501", "the audit log", "select * from ops.audit_logs"),
    api("42501", "the keys", "select * from app.context_keys"),
    api("42501", "the signing function", "select app.set_actor('{admin_id}', 'admin')"),
    api("42501", "act_as", "select ops.act_as('admin@attacked.test')"),
    api("42501", "a new context key", f"select ops.add_context_key('{OTHER_KEY}')"),
    api("42501", "a type of app", "select null::app.users"),
    api("42501", "HMAC in SQL", "select extensions.hmac('x', 'y', 'sha256')"),
    api("42501", "nextval", "select nextval('app.audit_logs_id_seq')"),
    api("42501", "LOCK TABLE", "begin", "lock table app.users"),
    api("42501", "TRUNCATE", "truncate app.users cascade"),
    api("42501", "COPY of a table", "copy app.users to stdout"),
    api("42501", "COPY of a view", "copy (select * from api.users) to stdout"),
    api("TM101", "COPY of a call", "copy (select api.my_profile()) to stdout"),
    api("42501", "COPY to a program", "copy (select 1) to program 'id'"),
    api("42501", "COPY from a file", "copy app.users from '/etc/passwd'"),
    api("TM101", "EXPLAIN ANALYZE of a call", f"explain analyze {LIST}"),
    api("42501", "EXPLAIN of a table", "explain select * from app.users"),
    api(
        "",
        "EXPLAIN ANALYZE with a context",
        "begin",
        "select {patient}",
        "explain (analyze, verbose, buffers) select * from api.list_consultations()",
    ),
    api("42501", "a query in XML", "select query_to_xml('table app.users', true, true, '')"),
    api("42501", "a table in XML", "select table_to_xml('api.users', true, true, '')"),
    api("", "a schema in XML", "select schema_to_xml('api', true, true, '')"),
    api("42501", "ts_stat", "select ts_stat('select to_tsvector(email) from app.users')"),
    api("", "LISTEN", "listen everything", "notify everything, 'x'", "select 1"),
    api("", "a large object", "begin", "select lo_create(0) > 0",
        "select * from pg_largeobject_metadata where lomowner <> 'telemed_api'::regrole"),
    api("42501", "the pages of large objects", "select * from pg_largeobject"),
    api("42501", "lo_import", "select lo_import('/etc/passwd')"),
    api("42501", "lo_export", "begin", "select lo_export(lo_create(0), '/tmp/telemed_attack')"),
    api("42501", "pg_read_file", "select pg_read_file('/etc/passwd')"),
    api("42501", "pg_read_binary_file", "select pg_read_binary_file('global/pg_control')"),
    api("42501", "pg_ls_dir", "select pg_ls_dir('.')"),
    api("42501", "pg_stat_file", "select pg_stat_file('postgresql.conf')"),
    api("42501", "pg_hba_file_rules", "select * from pg_hba_file_rules"),
    api("42501", "pg_authid", "select * from pg_authid"),
    api("42501", "pg_shadow", "select * from pg_shadow"),
    api("42501", "pg_statistic", "select * from pg_statistic"),
    api("", "pg_stats", "select * from pg_stats where schemaname in ('app', 'api', 'ops')"),
    api("", "pg_stats_ext", "select * from pg_stats_ext"),
    api("", "queries of others", "select query from pg_stat_activity"
        " where pid <> pg_backend_pid()"),
    api("", "sources of functions", "select prosrc, proconfig, proargdefaults from pg_proc"),
    api("", "settings of the server", "select name, setting, reset_val from pg_settings"),
    api("", "settings of roles", "select * from pg_db_role_setting", "select * from pg_roles"),
    api("", "comments", "select description from pg_description"),
    api("", "defaults, checks and policies", "select pg_get_expr(adbin, adrelid) from pg_attrdef",
        "select pg_get_constraintdef(oid) from pg_constraint", "select * from pg_policies",
        "select * from pg_views"),
    api("", "locks", "select * from pg_locks"),
    api("42501", "dblink", "create extension dblink"),
    api("42501", "a foreign data wrapper", "create foreign data wrapper w"),
    api("42501", "a library", "load 'plpgsql_check'"),
    api("42501", "the server log", "select pg_current_logfile()"),
    api("42501", "the server's settings", "select pg_reload_conf()"),
    api("42501", "a backup", "select pg_backup_start('x')"),
    api("42501", "the write-ahead log", "select pg_create_physical_replication_slot('x')"),
    api("42501", "REINDEX", "reindex table app.users"),
    api("42501", "a comment on a role", "comment on role telemed_api is 'mine'"),
    api("42501", "a comment", "comment on function api.my_profile() is 'mine'"),
    dba("42501", "a DBA reads the tables", "select * from app.users"),
    dba("42501", "a DBA reads the views", "select * from api.users"),
    dba("42501", "a DBA reads the views as a patient", "begin", "{act_as_patient}",
        "select * from api.consultations"),
    dba("42501", "a DBA signs", "select app.set_actor('{admin_id}', 'admin')"),
    dba("42501", "a DBA reads the keys", "select * from app.context_keys"),
    dba("", "a DBA lists the keys", "select * from ops.list_context_keys()"),
    dba("42501", "a DBA writes the audit log", "insert into ops.audit_logs default values"),
    dba("42501", "a DBA changes the audit log", "update ops.audit_logs set user_id = null"),
    dba("42501", "a DBA shortens the access log", "delete from ops.access_logs"),
    dba("TM407", "a DBA drops the database's key", "select ops.drop_context_key('database')"),
    dba("", "queries of others, for a DBA", "select query from pg_stat_activity"
        " where pid <> pg_backend_pid()"),
    auditor("42501", "an auditor calls", CALL),
    auditor("42501", "an auditor acts as", "select ops.act_as('patient@attacked.test')"),
    auditor("42501", "an auditor reads tables", "select * from app.audit_logs"),
    auditor("42501", "an auditor reads views", "select * from api.audit_logs"),
    auditor("42501", "an auditor reads users", "select * from api.users"),
    auditor("42501", "an auditor writes", "insert into ops.audit_logs default values"),
    auditor("42501", "an auditor changes", "update ops.audit_logs set user_id = null"),
    auditor("42501", "an auditor deletes", "delete from ops.audit_logs"),
]  # fmt: skip

ATTACKS = [*SETTINGS, *ROLES, *SIGNATURES, *STALE, *SHADOWS, *DIRECT]


@pytest.fixture(scope="module")
def clinic(cluster: Cluster, new_database: Callable[[], str]) -> Iterator[Clinic]:
    with open_clinic(cluster, new_database()) as clinic:
        # The first session of the patient is over from here on.
        logged_out = clinic.people["patient"]
        clinic.call("patient", "log_out")
        clinic.people |= {"logged out": logged_out, "patient": clinic.log_in("patient")}
        clinic.call("patient", "my_profile")
        yield clinic


@pytest.fixture(scope="module")
def unchanged(clinic: Clinic) -> str:
    """The fingerprint of the database before the first attack."""
    return fingerprint(clinic)


@pytest.mark.parametrize("attack", ATTACKS, ids=[f"{a.login}: {a.name}" for a in ATTACKS])
def test_forged_context_is_refused(clinic: Clinic, unchanged: str, attack: Attack) -> None:
    code, step, seen = carry_out(clinic, attack)
    assert (code, step) == (attack.code, len(attack.steps)), seen
    assert not secrets(clinic, attack.may_see, seen), seen
    assert fingerprint(clinic) == unchanged


def test_every_attack_has_a_unique_name() -> None:
    names = [(a.login, a.name) for a in ATTACKS]
    assert len(names) == len(set(names))


def test_valid_context_is_accepted_on_the_same_paths(clinic: Clinic) -> None:
    """The attacks therefore fail because of their context alone."""
    all_people = frozenset(clinic.emails)
    doctor = "select ops.act_as('doctor@attacked.test') is null"
    for accepted, shown in (
        (api("", "patient", "begin", "select {patient}", CALL), {"patient"}),
        (
            api("", "admin", "begin", "select {admin}", LIST.replace("()", "(p_limit => 1000)")),
            all_people,
        ),
        (dba("", "act_as", "begin", doctor, CALL), {"doctor"}),
        (auditor("", "the audit log", "select * from ops.audit_logs"), all_people),
    ):
        code, _, seen = carry_out(clinic, accepted)
        assert (code, secrets(clinic, (), seen)) == ("", shown)


def test_context_signature_of_act_as_is_refused_in_another_session(
    clinic: Clinic, unchanged: str
) -> None:
    names = ("user_id", "role", "request_id", "proof")
    with (
        psycopg.connect(clinic.url("dba")) as first,
        psycopg.connect(clinic.url("dba")) as second,
        psycopg.connect(clinic.url("api")) as third,
    ):
        first.execute("select ops.act_as('admin@attacked.test')")
        read = ", ".join(f"current_setting('app.{name}')" for name in names)
        values = first.execute(f"select {read}".encode()).fetchone() or ()
        for other in (second, third):
            for name, value in zip(names, values, strict=True):
                other.execute("select set_config(%s, %s, true)", (f"app.{name}", value))
            with pytest.raises(psycopg.Error) as refusal:
                other.execute(LIST.encode())
            assert refusal.value.sqlstate == "TM101"
        assert first.execute(CALL.encode()).fetchone()
    assert fingerprint(clinic) == unchanged


HOSTILE = {
    "nothing": "select 1",
    "an admin's role": "select set_config('app.role', 'admin', false)",
    "an admin": "select set_config('app.user_id', '{admin_id}', false),"
    " set_config('app.role', 'admin', false), set_config('app.request_id', 'x', false)",
    "a verified admin": "select set_config('app.verified_user_id', '{admin_id}', false),"
    " set_config('app.verified_role', 'admin', false)",
    "a false signature": "select set_config('app.user_id', '{admin_id}', false),"
    " set_config('app.role', 'admin', false), set_config('app.proof', 'database||1|00', false)",
    "refusals as errors": "select set_config('app.refusals', 'raise', false)",
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_every_function_refuses_a_context_without_a_signature(
    clinic: Clinic, unchanged: str, hostile: str
) -> None:
    codes = {}
    with psycopg.connect(clinic.url("api"), autocommit=True) as connection:
        connection.execute(HOSTILE[hostile].format_map(values_of(clinic)).encode())
        for name, call in calls_with_nulls(clinic).items():
            try:
                codes[name] = str(connection.execute(call.encode()).fetchall())
            except psycopg.Error as error:
                codes[name] = error.sqlstate or str(error)
    assert len(codes) > 25
    assert {name: code for name, code in codes.items() if code != "TM101"} == {}
    assert fingerprint(clinic) == unchanged


def test_temporary_tables_cannot_shadow_tables_of_functions(
    cluster: Cluster, new_database: Callable[[], str]
) -> None:
    """As a second layer: TEMPORARY is not granted, and pg_temp is last in every search_path."""
    with open_clinic(cluster, new_database()) as clinic:
        clinic.rows(f"grant temporary on database {clinic.database} to telemed_api")
        before = fingerprint(clinic)
        shadows = (
            *(
                f"create temp table {table} (id uuid, user_id uuid, role text)"
                for table in ("users", "sessions", "context_keys", "consultations", "doctors")
            ),
            "create temp view pg_timezone_names as select 'x' as name",
            "create function pg_temp.current_setting(text, boolean) returns text"
            " language sql as $$ select 'admin' $$",
            "create function pg_temp.lower(text) returns text language sql as $$ select 'x' $$",
            "create function pg_temp.clock_timestamp() returns timestamptz"
            " language sql as $$ select timestamptz '1970-01-01' $$",
            "create function pg_temp.equal(text, text) returns boolean"
            " language sql as $$ select true $$",
            "create operator pg_temp.= (function = pg_temp.equal, leftarg = text, rightarg = text)",
            "set search_path = pg_temp, app, api, pg_catalog",
        )
        for last, code, may_see in (
            (CALL, "TM101", ()),
            (LIST, "TM101", ()),
            ("select {an expired signature}, api.my_profile()", "TM101", ()),
            (
                "with x as materialized (select {patient})"
                " select (select json_agg(c) from api.list_consultations() as c"
                " where x is not null) from x",
                "",
                ("patient", "doctor"),
            ),
        ):
            found, step, seen = carry_out(clinic, api("", "", *shadows, last))
            assert (found, step) == (code, len(shadows) + 1), seen
            assert not secrets(clinic, may_see, seen)
        assert fingerprint(clinic) == before


def test_settings_of_a_login_show_no_more_rows(clinic: Clinic, unchanged: str) -> None:
    """PostgreSQL lets every role set ordinary parameters for its own next sessions."""
    own = f"alter role telemed_api in database {clinic.database}"
    settings = ("search_path = pg_temp, app, api", "row_security = off")
    call = "select * from api.list_consultations()"
    try:
        for setting in settings:
            code, _, seen = carry_out(clinic, api("", "", f"{own} set {setting}", "select 1"))
            assert (code, seen) == ("", "(1,)")
            code, _, seen = carry_out(clinic, api("", "", "begin", "select {patient}", call))
            assert code in ("", "42501")
            assert not secrets(clinic, ("patient", "doctor"), seen)
    finally:
        clinic.rows(f"{own} reset all")
    assert fingerprint(clinic) == unchanged


def test_context_signatures_are_invisible_to_other_sessions(clinic: Clinic) -> None:
    """The API sends contexts as parameters of statements, which no view of the server shows."""
    working = SqlClient(clinic.url("api"))
    with closing(working):
        working.connection.execute("begin")
        working.call(clinic.people["patient"], "my_profile")
        for login in LOGINS:
            look = attack(login, "", "", "select * from pg_stat_activity, pg_locks")
            code, _, seen = carry_out(clinic, look)
            assert code == ""
            assert not secrets(clinic, (), seen)
            assert clinic.people["patient"].session_id not in seen


def carry_out(clinic: Clinic, attack: Attack) -> tuple[str, int, str]:
    """The code of the refusal, the number of the last step, and all text from the server."""
    values = values_of(clinic)
    url = make_conninfo(clinic.url(attack.login), options=attack.options.format_map(values))
    seen: list[str] = []
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.OperationalError as error:
        # libpq does not give the code.
        return "42501" if "permission denied" in str(error) else "?", 0, str(error)
    connection.add_notice_handler(lambda notice: seen.append(words(notice)))
    with closing(connection):
        for number, text in enumerate(attack.steps, 1):
            try:
                seen += carry_out_step(connection, text.format_map(values))
            except psycopg.Error as error:
                return error.sqlstate or "?", number, "\n".join([*seen, words(error.diag)])
    return "", len(attack.steps), "\n".join(seen)


def carry_out_step(
    connection: psycopg.Connection[tuple[Any, ...]], statement: str
) -> Iterator[str]:
    with connection.cursor() as cursor:
        if statement.startswith("copy"):
            with cursor.copy(statement.encode()) as copy:
                yield from (str(bytes(line)) for line in copy)
            return
        cursor.execute(statement.encode())
        if cursor.description:
            yield from (str(row) for row in cursor)


def words(diagnostic: psycopg.errors.Diagnostic) -> str:
    """Message, detail and hint; other fields repeat the statement."""
    parts = (diagnostic.message_primary, diagnostic.message_detail, diagnostic.message_hint)
    return " ".join(part for part in parts if part)


def secrets(clinic: Clinic, may_see: tuple[str, ...], text: str) -> set[str]:
    """The people outside `may_see` whose data `text` shows, and the kinds of keys that it shows."""
    found = {
        name
        for name in clinic.emails
        if name not in may_see and re.search(rf"\b{name}@attacked\.|\b(of|on) {name}\b", text)
    }
    keys = "select key from app.context_keys union all select value from app.secrets"
    for (key,) in clinic.rows(keys):
        if key.hex() in text or str(bytes(key)) in text:
            found.add("a key")
    if THROWAWAY_CONTEXT_KEY in text or HASH in text or re.search(r"\|[0-9a-f]{64}\b", text):
        found.add("a key, a hash or a signature")
    return found


def fingerprint(clinic: Clinic) -> str:
    """A digest of all rows, functions, policies, triggers, rights, roles and settings.

    Without the access log, in which `ops.act_as` leaves a row.
    """
    tables = clinic.rows(
        "select oid::regclass::text from pg_class where relkind in ('r', 'p')"
        " and relnamespace = 'app'::regnamespace and relname !~ '^access_logs' order by 1"
    )
    parts = [f"select '{name}', t::text from {name} as t" for (name,) in tables]
    parts += [
        "select 'function', p::text from pg_proc as p"
        " where p.pronamespace::regnamespace::text !~ '^(pg_|extensions)'",
        "select 'policy', p::text from pg_policy as p",
        "select 'trigger', t::text from pg_trigger as t",
        "select 'relation', concat(c.oid, c.relacl, c.relrowsecurity, c.relforcerowsecurity)"
        " from pg_class as c"
        " where c.relpersistence <> 't'",
        "select 'schema', concat(n.nspname, n.nspacl) from pg_namespace as n"
        " where n.nspname !~ 'temp'",
        "select 'member', m::text from pg_auth_members as m",
        "select 'role', r::text from pg_roles as r where r.rolname ~ 'telemed'",
        # Other tests make other databases meanwhile, with settings of their own.
        "select 'setting', s::text from pg_db_role_setting as s"
        " left join pg_database as d on d.oid = s.setdatabase"
        " where s.setdatabase = 0 or d.datname = current_database()",
        "select 'large object', o::text from pg_largeobject_metadata as o",
    ]
    query = f"""
        select md5(string_agg(part.kind || part.row, chr(10) order by part.kind, part.row))
          from ({" union all ".join(parts)}) as part (kind, row)"""
    ((digest,),) = clinic.rows(query)
    return str(digest)


def calls_with_nulls(clinic: Clinic) -> dict[str, str]:
    """A call of every function of the schema api, with null for every argument."""
    functions = clinic.rows(
        """
        select p.proname::text,
               array(select format_type(t, null) from unnest(p.proargtypes) with ordinality
                         as a (t, n) order by n)
          from pg_proc as p
         where p.pronamespace = 'api'::regnamespace
         order by 1"""
    )
    return {
        name: f"select * from api.{name}({', '.join(f'null::{t}' for t in types)})"
        for name, types in functions
    }


def values_of(clinic: Clinic) -> dict[str, str]:
    """The values in the statements of attacks. Attackers know more here than they could."""
    patient = clinic.people["patient"]
    other, admin = clinic.people["other_patient"], clinic.people["admin"]
    unknown = "018f0000-0000-7000-8000-000000000000"
    user, role, request, signature = signed(patient)
    _, _, end, mac = signature.split("|")
    # Signatures of request ids that contain separators, to be read as other fields.
    _, _, _, with_role = signed(patient, request="admin|x")
    _, _, _, with_user = signed(Person("", "", ""), request=f"{admin.id}|admin|x")
    contexts = {
        "patient": signed(patient),
        "other_patient": signed(other),
        "admin": signed(admin),
        "anonymous": signed(Person("", "", "")),
        "another user": (other.id, role, request, signature),
        "another user in capital letters": (user.upper(), role, request, signature),
        "no user": ("", role, request, signature),
        "another role": (user, "admin", request, signature),
        "no role": (user, "", request, signature),
        "another request": (user, role, "another request", signature),
        "no request": (user, role, "", signature),
        "another session": (*(user, role, request), signature.replace(patient.session_id, unknown)),
        "no session": (*(user, role, request), signature.replace(patient.session_id, "")),
        "a later expiry": (user, role, request, signature.replace(f"|{end}|", "|9999999999|")),
        "an expiry in words": (user, role, request, signature.replace(f"|{end}|", "|never|")),
        "the key of the database": (*(user, role, request), "database" + signature[16:]),
        "an unknown key id": (user, role, request, "0" * 16 + signature[16:]),
        "a shorter HMAC": (user, role, request, signature[:-1]),
        "a longer HMAC": (user, role, request, signature + "0"),
        "an HMAC in capital letters": (user, role, request, signature.replace(mac, mac.upper())),
        "an empty HMAC": (user, role, request, signature.replace(mac, "")),
        "separators only": (user, role, request, "|||"),
        "blanks": (user, role, request, " "),
        "an expired signature": signed(patient, seconds=-1),
        "an unknown key": signed(admin, key=OTHER_KEY),
        "an unknown key under the right id": signed(
            admin, key=OTHER_KEY, key_id=context.key_id(THROWAWAY_CONTEXT_KEY)
        ),
        "an empty key": signed(admin, key=""),
        "a valid signature without a session": signed(admin._replace(session_id="")),
        "a role hidden in the request id": (f"{user}|{role}", "admin", "x", with_role),
        "a user hidden in the request id": (f"||{admin.id}", "admin", "x", with_user),
        "a role that the user does not have": signed(patient._replace(role="admin")),
        "a deactivated user": signed(clinic.people["deactivated"]),
        "a user who does not exist": signed(patient._replace(id=unknown)),
        "the session of another user": signed(admin._replace(session_id=patient.session_id)),
        "a session that does not exist": signed(patient._replace(session_id=unknown)),
        "a session that is over": signed(clinic.people.get("logged out", patient)),
    }
    names = ("app.user_id", "app.role", "app.request_id", "app.proof")
    settings = {
        name: ", ".join(
            f"set_config('{setting}', '{value}', true) is null"
            for setting, value in zip(names, values, strict=True)
        )
        for name, values in contexts.items()
    }
    return {
        **settings,
        "patient_id": patient.id,
        "admin_id": admin.id,
        "other_patient_id": other.id,
        "deactivated_id": clinic.people["deactivated"].id,
        "consultation": clinic.ids["completed of patient"],
        "database": clinic.database,
        "dba_login": LOGINS["dba"],
        "auditor_login": LOGINS["auditor"],
        "alter_api": f"alter role telemed_api in database {clinic.database}",
        "act_as_patient": "select ops.act_as('patient@attacked.test') is null",
        "keep_context": "select "
        + ", ".join(
            f"set_config('my.{name[4:]}', current_setting('{name}'), false) is null"
            for name in names
        ),
        "take_context": "select "
        + ", ".join(
            f"set_config('{name}', current_setting('my.{name[4:]}'), true) is null"
            for name in names
        ),
    }


def signed(
    person: Person,
    request: str = "attack",
    key: str = THROWAWAY_CONTEXT_KEY,
    key_id: str = "",
    seconds: int = context.VALID_SECONDS,
) -> tuple[str, str, str, str]:
    """User, role, request and context signature, as the API signs them for some seconds."""
    with patch.object(context, "VALID_SECONDS", seconds):
        signature = context.sign(key, person.id, person.role, person.session_id, request)
    if key_id:
        signature = signature.replace(context.key_id(key), key_id)
    return person.id, person.role, request, signature
