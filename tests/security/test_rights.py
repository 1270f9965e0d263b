"""Who may do what, as a file that is read before it changes.

rights.txt is made of the catalog: a change that opens something shows there, line by line. When a
new version is right, this writes it:
`REWRITE=1 make test ONLY=python ARGS=tests/security/test_rights.py`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from scripts.server import Cluster

FILE = Path(__file__).with_name("rights.txt")
HOW = "REWRITE=1 make test ONLY=python ARGS=tests/security/test_rights.py"
HEADER = f"""\
Who may do what in the database. Made by test_rights.py:
{HOW}

In brackets stands the owner, who may do everything, and after the colon everybody else who may.
api, dba, auditor, owner and internal are the roles telemed_...; public is everybody.
definer: the function runs with the rights of its owner.
"""
# What is the same on every supported version of PostgreSQL: 17 adds MAINTAIN.
SECTIONS = {
    "Roles: attributes, memberships, settings": """
        select format('%s %s%s%s%s%s%s%s', r.rolname,
                   case when r.rolcanlogin then 'login' else 'no login' end,
                   case when r.rolinherit then '' else ', no inherit' end,
                   case when r.rolsuper then ', SUPERUSER' else '' end,
                   case when r.rolbypassrls then ', BYPASSRLS' else '' end,
                   case when r.rolcreaterole then ', CREATEROLE' else '' end,
                   case when r.rolcreatedb then ', CREATEDB' else '' end,
                   case when r.rolreplication then ', REPLICATION' else '' end)
          from pg_roles as r where r.rolname in (select name from role)
         union all
        select distinct format('%s is a member of %s', m.member::regrole, m.roleid::regrole)
          from pg_auth_members as m
         where m.member::regrole::text in (select name from role)
         union all
        select format('%s sets %s', r.rolname, s.setting)
          from pg_db_role_setting as d
          join pg_roles as r on r.oid = d.setrole and r.rolname in (select name from role)
         cross join unnest(d.setconfig) as s (setting)
         where d.setdatabase = 0
         union all
        select format('%s may %s %s', a.grantee::regrole, lower(a.privilege_type), p.parname)
          from pg_parameter_acl as p cross join aclexplode(p.paracl) as a
         where a.grantee::regrole::text in (select name from role)""",
    "Database": """
        select format('%s: %s', g.name, string_agg(lower(p.p), ', ' order by p.p))
          from grantee as g cross join unnest('{CONNECT,CREATE,TEMPORARY}'::text[]) as p (p)
         where has_database_privilege(g.name, current_database(), p.p) group by g.name""",
    "Schemas": """
        select format('%s (%s): %s', n.nspname, short(n.nspowner), string_agg(
                   format('%s %s', g.short, r.rights), ', ' order by g.n))
          from pg_namespace as n cross join grantee as g
         cross join lateral (
             select string_agg(lower(p), '+' order by p)
               from unnest('{CREATE,USAGE}'::text[]) as p
              where has_schema_privilege(g.name, n.oid, p)) as r (rights)
         where n.nspname in ('app', 'api', 'ops', 'extensions', 'public', 'sqitch')
           and r.rights is not null and n.nspowner <> g.oid
           -- Whether the owner of a database inherits from pg_database_owner changed with 16.
           and (n.nspname, g.name) <> ('public', 'telemed_owner')
         group by n.nspname, n.nspowner""",
    "Functions": """
        select format('%s (%s%s): %s', p.oid::regprocedure, short(p.proowner),
                   case when p.prosecdef then ', definer' else '' end,
                   coalesce(string_agg(g.short, ', ' order by g.n)
                       filter (where has_function_privilege(g.name, p.oid, 'EXECUTE')), 'nobody'))
          from pg_proc as p cross join grantee as g
         where p.pronamespace in (select oid from ours) and p.proowner <> g.oid
         group by p.oid, p.proowner, p.prosecdef""",
    "Settings that functions pin, besides search_path": """
        select format('%s: %s', p.oid::regprocedure, string_agg(s.setting, ', ' order by s.setting))
          from pg_proc as p cross join unnest(p.proconfig) as s (setting)
         where p.pronamespace in (select oid from ours)
           and s.setting <> 'search_path=pg_catalog, pg_temp'
         group by p.oid""",
    "Tables, views and sequences": """
        select format('%s %s (%s%s): %s', case c.relkind when 'r' then 'table'
                   when 'p' then 'table' when 'v' then 'view' when 'S' then 'sequence'
                   else c.relkind::text end,
                   c.oid::regclass, short(c.relowner),
                   case when c.relkind in ('r', 'p') and c.relrowsecurity then
                       case when c.relforcerowsecurity then ', row security forced'
                       else ', row security' end else '' end,
                   coalesce(string_agg(format('%s %s', g.short, r.rights), ', ' order by g.n)
                       filter (where r.rights is not null), 'nobody'))
          from pg_class as c cross join grantee as g
         cross join lateral (
             select string_agg(lower(p), '+' order by p)
               from unnest(case c.relkind when 'S' then '{SELECT,UPDATE,USAGE}'::text[] else
                   '{DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE}' end) as p
              where case c.relkind when 'S' then has_sequence_privilege(g.name, c.oid, p)
                    else has_table_privilege(g.name, c.oid, p) end) as r (rights)
         where c.relnamespace in (select oid from ours)
           and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
           and not c.relispartition and c.relowner <> g.oid
         group by c.oid, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity""",
    "Columns with a right that their table has not": """
        select format('%s.%s: %s %s', c.oid::regclass, a.attname, g.short, lower(p.p))
          from pg_class as c join pg_attribute as a on a.attrelid = c.oid and not a.attisdropped
         cross join grantee as g
         cross join unnest('{INSERT,REFERENCES,SELECT,UPDATE}'::text[]) as p (p)
         where c.relnamespace in (select oid from ours) and c.relkind in ('r', 'p', 'v', 'm', 'f')
           and c.relowner <> g.oid and has_column_privilege(g.name, c.oid, a.attnum, p.p)
           and not has_table_privilege(g.name, c.oid, p.p)""",
    # Without those of tables and views, and arrays: they go with what they are made of. USAGE is
    # PUBLIC's by default and leads nowhere without USAGE of the schema.
    "Types and domains": """
        select format('%s (%s): %s', format_type(t.oid, null), short(t.typowner),
                   case when has_type_privilege('public', t.oid, 'USAGE') then 'public'
                   else coalesce(string_agg(g.short, ', ' order by g.n) filter (
                       where has_type_privilege(g.name, t.oid, 'USAGE')), 'nobody') end)
          from pg_type as t left join pg_class as c on c.oid = t.typrelid
         cross join grantee as g
         where t.typnamespace in (select oid from ours) and t.typelem = 0
           and coalesce(c.relkind, 'c') = 'c' and t.typtype <> 'r'
           and t.typowner <> g.oid
         group by t.oid, t.typowner""",
    "Rights that new things will have": """
        select format('%s makes a %s%s: %s', short(d.defaclrole),
                   case d.defaclobjtype when 'r' then 'table' when 'f' then 'function'
                       when 'S' then 'sequence' when 'T' then 'type' else 'schema' end,
                   ' in ' || nullif(d.defaclnamespace, 0)::regnamespace,
                   coalesce(string_agg(
                       distinct format('%s %s', short(a.grantee), lower(a.privilege_type)), ', ')
                       filter (where a.grantee is not null), 'nobody'))
          from pg_default_acl as d
          left join lateral (
              select * from aclexplode(d.defaclacl) as a
               where a.grantee <> d.defaclrole and a.privilege_type <> 'MAINTAIN') as a on true
         group by d.oid, d.defaclrole, d.defaclobjtype, d.defaclnamespace""",
    "Policies": """
        select format(E'%s: %s%s for %s to %s\\n    using %s\\n    check %s',
                   format('%I.%I', schemaname, tablename), policyname,
                   case permissive when 'PERMISSIVE' then '' else ' RESTRICTIVE' end, lower(cmd),
                   array_to_string(roles, ', '),
                   coalesce(btrim(regexp_replace(qual, '\\s+', ' ', 'g')), 'nothing'),
                   coalesce(btrim(regexp_replace(with_check, '\\s+', ' ', 'g')), 'as using'))
          from pg_policies
         where not exists (  -- months differ: db/tests/foundation/partitions.sql
             select from pg_class as c
              where c.oid = format('%I.%I', schemaname, tablename)::regclass
                and c.relispartition)""",
}
# The roles, and how they are called here.
PREPARATION = """
    create temp view role (n, name, short) as
    values (1, 'telemed_api', 'api'), (2, 'telemed_dba', 'dba'), (3, 'telemed_auditor', 'auditor'),
           (4, 'telemed_owner', 'owner'), (5, 'telemed_internal', 'internal');
    create temp view grantee (n, name, short, oid) as
    select r.n, r.name, r.short, to_regrole(r.name)::oid from role as r
    union all select 6, 'public', 'public', 0;
    create temp view ours (oid) as
    select n.oid from pg_namespace as n where n.nspname in ('app', 'api', 'ops');
    create function pg_temp.short(p_role oid) returns text language sql stable as $$
        select coalesce((select g.short from grantee as g where g.oid = p_role),
                        pg_get_userbyid(p_role)) $$;
    """


def test_the_rights_are_those_that_were_reviewed(
    cluster: Cluster, new_database: Callable[[], str]
) -> None:
    # Other tests make functions of their own in the database that they share.
    with psycopg.connect(cluster.url(new_database())) as connection:
        connection.execute(PREPARATION)
        present = HEADER + "".join(
            f"\n# {title}\n{section(connection, query)}" for title, query in SECTIONS.items()
        )
        connection.rollback()
    if os.environ.get("REWRITE") == "1":
        FILE.write_text(present)
    reviewed = FILE.read_text() if FILE.exists() else ""
    lines = difflib.unified_diff(
        reviewed.splitlines(), present.splitlines(), "reviewed", "present", lineterm="", n=1
    )
    difference = "\n".join(lines)
    assert not difference, f"{difference}\n\nWhen this is right: {HOW}"


def section(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> str:
    """One line for each row, in an order that no server decides."""
    # pg_temp is not looked into for functions.
    statement = query.replace("short(", "pg_temp.short(")
    lines = sorted(line for (line,) in connection.execute(statement.encode()))
    return "".join(f"{line}\n" for line in lines) or "nothing\n"
