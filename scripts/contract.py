"""db/contract.txt: what the database promises to its callers, and who has which right.

`make docs` writes it from the catalog of a freshly deployed database. Each line is one fact, so
that a reviewer reads a changed function or right in the diff. tests/server/test_contract.py
compares the file with the schema.
"""

from __future__ import annotations

import re

import psycopg

from scripts.system import CHECKOUT

FILE = CHECKOUT / "db/contract.txt"
HEADER = """\
# Public functions, roles, rights and policies. `make docs` writes this file from the catalog.
# raises: the code stands in the function; passes on: a function or trigger below it raises it.
"""
# The same on every supported version of PostgreSQL: 17 adds the right MAINTAIN, for example.
FACTS = (
    # Roles of the cluster
    """
    select format('role %s: %s', r.rolname, f.fact)
      from pg_roles as r
     cross join lateral (values
         (case when r.rolcanlogin then 'can log in' else 'cannot log in' end),
         (case when not r.rolinherit then 'does not inherit' end),
         (case when r.rolsuper then 'SUPERUSER' end),
         (case when r.rolbypassrls then 'BYPASSRLS' end),
         (case when r.rolcreaterole then 'CREATEROLE' end),
         (case when r.rolcreatedb then 'CREATEDB' end),
         (case when r.rolreplication then 'REPLICATION' end),
         ('connection limit ' || nullif(r.rolconnlimit, -1)),
         ('valid until ' || r.rolvaliduntil)) as f (fact)
     where r.oid in (select oid from grantee) and f.fact is not null""",
    """
    select distinct format('role %s: member of %s', m.member::regrole, m.roleid::regrole)
      from pg_auth_members as m
     where m.member in (select oid from grantee)""",
    """
    select format('role %s: sets %s', d.setrole::regrole, s.setting)
      from pg_db_role_setting as d cross join unnest(d.setconfig) as s (setting)
     where d.setrole in (select oid from grantee where oid <> 0) and d.setdatabase = 0""",
    """
    select format('parameter %s: %s may %s', p.parname, g.name, lower(a.privilege_type))
      from pg_parameter_acl as p cross join aclexplode(p.paracl) as a
      join grantee as g on g.oid = a.grantee""",
    # The database and its schemas
    """
    select format('database: %s may %s', g.name, p.does)
      from grantee as g
     cross join (values ('CONNECT', 'connect'), ('CREATE', 'create schemas'),
         ('TEMPORARY', 'create temporary tables')) as p (p, does)
     where has_database_privilege(g.name, current_database(), p.p)""",
    """
    select format('schema %s: owner %s', n.nspname, n.nspowner::regrole)
      from pg_namespace as n where n.oid in (select oid from looked_into)""",
    """
    select format('schema %s: %s may %s', n.nspname, g.name, lower(p.p))
      from pg_namespace as n cross join grantee as g
     cross join unnest('{CREATE,USAGE}'::text[]) as p (p)
     where n.oid in (select oid from looked_into) and n.nspowner <> g.oid
       and has_schema_privilege(g.name, n.oid, p.p)
       -- Whether the owner of a database inherits from pg_database_owner changed with 16.
       and (n.nspname, g.name) <> ('public', 'telemed_owner')""",
    # Functions: the roles that execute them
    """
    select format('function %s: %s', f.name, x.fact)
      from function as f
     cross join lateral (values
         ('owner ' || f.proowner::regrole),
         (case when f.prosecdef then 'security definer' end)) as x (fact)
     where x.fact is not null""",
    """
    select format('function %s: %s may execute', f.name, g.name)
      from function as f cross join grantee as g
     where f.proowner <> g.oid and has_function_privilege(g.name, f.oid, 'EXECUTE')""",
    """
    select format('function %s: sets %s', f.name, s.setting)
      from function as f cross join unnest(f.proconfig) as s (setting)
     where s.setting <> 'search_path=pg_catalog, pg_temp'""",
    """
    select distinct format('function %s: raises %s', f.name, c.code)
      from function as f join raised as c on c.oid = f.oid""",
    # Functions that clients call
    """
    select format('function %s: %s', f.name, x.fact)
      from function as f
     cross join lateral (values
         ('returns ' || pg_get_function_result(f.oid)),
         (case f.provolatile when 'i' then 'immutable' when 's' then 'stable'
              else 'volatile' end)) as x (fact)
     where f.is_public""",
    """
    select format('function %s: argument %s %s%s %s%s', f.name, a.n,
               case when f.provariadic <> 0 and a.n = f.pronargs then 'variadic ' end,
               f.proargnames[a.n], format_type(a.type, null),
               ' default ' || pg_get_function_arg_default(f.oid, a.n::integer))
      from function as f cross join unnest(f.proargtypes::oid[]) with ordinality as a (type, n)
     where f.is_public""",
    """
    select distinct format('function %s: passes on %s', f.name, c.code)
      from function as f
      join promised as c on c.oid = f.oid
      left join raised as r on r.oid = c.oid and r.code = c.code
     where f.is_public and r.code is null""",
    """
    select format('function %s: idempotency key %s', f.name,
               case when 'p_idempotency_key' <> all (coalesce(f.proargnames, '{}')) then 'none'
                    when f.prosrc ~ '\\mapp\\.require_key\\M' then 'required'
                    else 'optional' end)
      from function as f
     where f.pronamespace = 'api'::regnamespace
       and (f.provolatile = 'v' or 'p_idempotency_key' = any (f.proargnames))""",
    # Tables, views, sequences and types
    """
    select format('%s %s: %s', r.kind, r.name, x.fact)
      from relation as r
     cross join lateral (values
         ('owner ' || r.relowner::regrole),
         (case when r.kind = 'table' then 'row-level security '
              || case when r.relrowsecurity and r.relforcerowsecurity then 'forced'
                      when r.relrowsecurity then 'not forced' else 'off' end end)) as x (fact)
     where x.fact is not null""",
    """
    select format('%s %s: %s may %s', r.kind, r.name, g.name, lower(p.p))
      from relation as r cross join grantee as g
     cross join unnest(case r.relkind when 'S' then '{SELECT,UPDATE,USAGE}'::text[] else
         '{DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE}' end) as p (p)
     where r.relowner <> g.oid
       -- It reads everything, as a member of pg_read_all_data.
       and (g.name, p.p) <> ('telemed_backup', 'SELECT')
       and case r.relkind when 'S' then has_sequence_privilege(g.name, r.oid, p.p)
                else has_table_privilege(g.name, r.oid, p.p) end""",
    # What a role may do with a column and not with the whole table
    """
    select format('column %s.%s: %s may %s', r.name, a.attname, g.name, lower(p.p))
      from relation as r join pg_attribute as a on a.attrelid = r.oid and not a.attisdropped
     cross join grantee as g
     cross join unnest('{INSERT,REFERENCES,SELECT,UPDATE}'::text[]) as p (p)
     where r.relkind <> 'S'
       and r.relowner <> g.oid and has_column_privilege(g.name, r.oid, a.attnum, p.p)
       and not has_table_privilege(g.name, r.oid, p.p)""",
    # Without the types of tables and views, and arrays. USAGE is PUBLIC's by default, and useless
    # without USAGE of the schema.
    """
    select format('type %s: %s', format_type(t.oid, null), x.fact)
      from pg_type as t left join pg_class as c on c.oid = t.typrelid
     cross join lateral (
         select 'owner ' || t.typowner::regrole
          union all
         select g.name || ' may use' from grantee as g
          where g.oid <> t.typowner and has_type_privilege(g.name, t.oid, 'USAGE')
            and (g.oid = 0 or not has_type_privilege('public', t.oid, 'USAGE'))) as x (fact)
     where t.typnamespace in (select oid from ours) and t.typelem = 0
       and coalesce(c.relkind, 'c') = 'c' and t.typtype <> 'r'""",
    # Rights on objects that a role will create. PUBLIC may execute a new function unless a line
    # without a schema says otherwise.
    """
    select format('new %s of %s%s: %s',
               case d.defaclobjtype when 'r' then 'table' when 'f' then 'function'
                   when 'S' then 'sequence' when 'T' then 'type' else 'schema' end,
               d.defaclrole::regrole, ' in ' || nullif(d.defaclnamespace, 0)::regnamespace,
               coalesce(g.name || ' may ' || lower(a.privilege_type), 'only the owner may use it'))
      from pg_default_acl as d
      left join lateral (
          select * from aclexplode(d.defaclacl) as a
           where a.grantee <> d.defaclrole and a.privilege_type <> 'MAINTAIN') as a on true
      left join lateral (
          select case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee)::text end
      ) as g (name) on a.grantee is not null""",
    # Policies, without those of partitions: months differ (db/tests/foundation/partitions.sql).
    """
    select format('policy %I.%I %s: %s', p.schemaname, p.tablename, p.policyname, x.fact)
      from pg_policies as p
     cross join lateral (values
         (format('%s for %s to %s', lower(p.permissive), lower(p.cmd),
              array_to_string(p.roles, ', '))),
         ('using ' || btrim(regexp_replace(p.qual, '\\s+', ' ', 'g'))),
         ('check ' || btrim(regexp_replace(p.with_check, '\\s+', ' ', 'g')))) as x (fact)
     where x.fact is not null and not exists (
         select from pg_class as c
          where c.oid = format('%I.%I', p.schemaname, p.tablename)::regclass
            and c.relispartition)""",
)
PREPARATION = """
    create temp view grantee (name, oid) as
    select r.rolname::text, r.oid from pg_roles as r
     where r.rolname in ('telemed_api', 'telemed_dba', 'telemed_auditor', 'telemed_worker',
         'telemed_backup', 'telemed_owner', 'telemed_internal')
    union all select 'public', 0;
    create temp view ours (oid) as
    select n.oid from pg_namespace as n where n.nspname in ('app', 'api', 'ops', 'work');
    create temp view looked_into (oid) as
    select n.oid from pg_namespace as n
     where n.nspname in (
         'app', 'api', 'ops', 'work', 'procrastinate', 'extensions', 'public', 'sqitch');
    create temp view function as
    -- No overloads: db/tests/invariants/functions.sql
    select p.*, format('%s.%s', p.pronamespace::regnamespace, p.proname) as name,
           p.pronamespace <> 'app'::regnamespace as is_public
      from pg_proc as p where p.pronamespace in (select oid from ours);
    create temp view relation as
    select c.*, c.oid::regclass::text as name, case c.relkind when 'r' then 'table'
               when 'p' then 'table' when 'v' then 'view' when 'S' then 'sequence'
               else c.relkind::text end as kind
      from pg_class as c
     where c.relnamespace in (select oid from ours)
       and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and not c.relispartition;
    -- The codes in the body of a function, and those in its comment, which are all that it can end
    -- with: db/tests/invariants/error_codes.sql
    create temp view raised as
    select p.oid, c.code[1] as code
      from pg_proc as p
     cross join lateral regexp_matches(p.prosrc, '''(TM[0-9A-Z]{3})''', 'g') as c (code);
    create temp view promised as
    select p.oid, c.code[1] as code
      from pg_proc as p
     cross join lateral regexp_matches(
         obj_description(p.oid, 'pg_proc'), '\\m(TM[0-9]{3})\\M', 'g') as c (code);
    """


def contract(url: str) -> str:
    """The text of db/contract.txt. The order of the lines does not depend on the server."""
    with psycopg.connect(url) as connection:
        connection.execute(PREPARATION)
        lines = {line for query in FACTS for (line,) in connection.execute(query.encode())}
        connection.rollback()
    return HEADER + "".join(f"{line}\n" for line in sorted(lines))


def idempotency_keys() -> dict[str, str]:
    """required, optional or none, for each function of api that changes something."""
    found = re.findall(
        r"^function api\.(\w+): idempotency key (\w+)$", FILE.read_text(), re.MULTILINE
    )
    return dict(found)
