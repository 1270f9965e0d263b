begin;
select plan(28);

-- Tables, views and sequences, without those of extensions (a test has pgTAP's) and of PostgreSQL.
create temp view relation as
select c.oid, c.oid::regclass::text as name, c.relkind, n.nspname as schema_name
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  and not exists (
      select from pg_depend as d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e');

create temp view right_on_relation as
select r.name, r.schema_name, g.grantee, p.privilege
from relation as r
cross join (values ('telemed_api'), ('telemed_dba'), ('telemed_auditor')) as g (grantee)
cross join lateral unnest(case r.relkind
    when 'S' then '{USAGE,SELECT,UPDATE}'::text[]
    else '{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}' end) as p (privilege)
where case
    when r.relkind = 'S' then has_sequence_privilege(g.grantee, r.oid, p.privilege)
    when p.privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
        then has_any_column_privilege(g.grantee, r.oid, p.privilege)
    else has_table_privilege(g.grantee, r.oid, p.privilege) end;

create temp view executable as
select p.oid, p.oid::regprocedure::text as name, n.nspname as schema_name, g.grantee
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
cross join (values ('telemed_api'), ('telemed_dba'), ('telemed_auditor')) as g (grantee)
where n.nspname in ('app', 'api', 'ops', 'work')
  and has_function_privilege(g.grantee, p.oid, 'EXECUTE');

-- The REST API
select is_empty(
    $$ select * from right_on_relation where grantee = 'telemed_api' $$,
    'telemed_api has no right on any table, view or sequence');
select is_empty(
    $$ select name from executable where grantee = 'telemed_api' and schema_name <> 'api' $$,
    'telemed_api can execute no function of app or ops');
select is_empty(
    $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'api'::regnamespace
      and not has_function_privilege('telemed_api', p.oid, 'EXECUTE')
    $$,
    'telemed_api can execute every function of api');
select is(
    (select array_agg(n.nspname::text order by n.nspname) from pg_namespace as n
     where n.nspname in ('app', 'api', 'ops', 'extensions', 'sqitch')
       and has_schema_privilege('telemed_api', n.oid, 'USAGE')),
    '{api}', 'telemed_api has usage on the schema api only');

-- DBAs
-- db/contract.txt lists the views and functions that each role may use.
select is_empty(
    $$
    select r.* from right_on_relation as r
    inner join pg_class as c on c.oid = r.name::regclass
    where r.grantee in ('telemed_dba', 'telemed_auditor')
      and (r.privilege <> 'SELECT' or r.schema_name <> 'ops' or c.relkind <> 'v')
    $$,
    'telemed_dba and telemed_auditor can read views of ops, and no table');
select is_empty(
    $$ select name from executable where grantee = 'telemed_dba' and schema_name = 'app' $$,
    'telemed_dba can execute no function of app');
select is_empty(
    $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace in ('api'::regnamespace, 'ops'::regnamespace)
      and not has_function_privilege('telemed_dba', p.oid, 'EXECUTE')
    $$,
    'telemed_dba can execute every function of api and ops');
select is(
    (select array_agg(n.nspname::text order by n.nspname) from pg_namespace as n
     where n.nspname in ('app', 'api', 'ops', 'extensions', 'sqitch')
       and has_schema_privilege('telemed_dba', n.oid, 'USAGE')),
    '{api,ops}', 'telemed_dba has usage on the schemas api and ops only');

-- Auditors
select is_empty(
    $$
    select r.name from right_on_relation as r
    where r.grantee = 'telemed_auditor' and not exists (
        select from right_on_relation as d
        where d.grantee = 'telemed_dba' and d.name = r.name and d.privilege = r.privilege)
    $$,
    'telemed_auditor can read no view that telemed_dba cannot read');
select is_empty(
    $$
    select e.name from executable as e
    inner join pg_proc as p on p.oid = e.oid
    where e.grantee = 'telemed_auditor' and (e.schema_name <> 'ops' or p.provolatile = 'v')
    $$,
    'telemed_auditor can execute functions of ops that are not volatile, and no other function');
select is(
    (select array_agg(n.nspname::text order by n.nspname) from pg_namespace as n
     where n.nspname in ('app', 'api', 'ops', 'extensions', 'sqitch')
       and has_schema_privilege('telemed_auditor', n.oid, 'USAGE')),
    '{ops}', 'telemed_auditor has usage on the schema ops only');

-- The worker
select is_empty(
    $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'work'::regnamespace
      and not has_function_privilege('telemed_worker', p.oid, 'EXECUTE')
    $$,
    'telemed_worker can execute every function of work');
select is_empty(
    $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace in (
        'app'::regnamespace, 'api'::regnamespace, 'ops'::regnamespace)
      and has_function_privilege('telemed_worker', p.oid, 'EXECUTE')
    $$,
    'telemed_worker can execute no function of app, api or ops');
select is_empty(
    $$
    select r.name from relation as r
    where r.schema_name <> 'procrastinate' and r.relkind <> 'S'
      and (has_any_column_privilege('telemed_worker', r.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
           or has_table_privilege('telemed_worker', r.oid, 'DELETE, TRUNCATE, TRIGGER'))
    $$,
    'telemed_worker has a right on tables and views of procrastinate only');
select is(
    (select array_agg(n.nspname::text order by n.nspname) from pg_namespace as n
     where n.nspname in (
         'app', 'api', 'ops', 'work', 'procrastinate', 'extensions', 'sqitch')
       and has_schema_privilege('telemed_worker', n.oid, 'USAGE')),
    '{procrastinate,work}',
    'telemed_worker has usage on the schemas procrastinate and work only');
select is_empty(
    $$
    select n.nspname, g.grantee from pg_namespace as n
    cross join (values ('telemed_api'), ('telemed_dba'), ('telemed_auditor')) as g (grantee)
    where n.nspname in ('work', 'procrastinate')
      and has_schema_privilege(g.grantee, n.oid, 'USAGE')
    $$,
    'telemed_api, telemed_dba and telemed_auditor have no usage on the schemas of the worker');

-- Backups
select is_empty(
    $$
    select r.name, p.privilege from relation as r
    cross join lateral unnest(case r.relkind
        when 'S' then '{USAGE,UPDATE}'::text[]
        else '{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}' end) as p (privilege)
    where case
        when r.relkind = 'S' then has_sequence_privilege('telemed_backup', r.oid, p.privilege)
        when p.privilege in ('INSERT', 'UPDATE', 'REFERENCES')
            then has_any_column_privilege('telemed_backup', r.oid, p.privilege)
        else has_table_privilege('telemed_backup', r.oid, p.privilege) end
    $$,
    'telemed_backup can write to no table, view or sequence');
select is_empty(
    $$
    select p.oid::regprocedure from pg_proc as p
    inner join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('app', 'api', 'ops', 'work')
      and has_function_privilege('telemed_backup', p.oid, 'EXECUTE')
    $$,
    'telemed_backup can execute no function of the product');

-- PUBLIC and all client roles
select is_empty(
    $$
    select p.oid::regprocedure from pg_proc as p
    inner join pg_namespace as n on n.oid = p.pronamespace
    cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
    where n.nspname in ('app', 'api', 'ops', 'work') and a.grantee = 0
    $$,
    'PUBLIC has no right on any function');
select is_empty(
    $$
    select c.oid::regclass, a.privilege_type from relation as r
    inner join pg_class as c on c.oid = r.oid
    cross join lateral aclexplode(c.relacl) as a
    where a.grantee = 0
    $$,
    'PUBLIC has no right on any table, view or sequence');
select is_empty(
    $$
    select n.nspname, a.privilege_type from pg_namespace as n
    cross join lateral aclexplode(n.nspacl) as a
    where n.nspname in ('app', 'api', 'ops', 'work', 'procrastinate', 'extensions', 'sqitch')
      and a.grantee = 0
    $$,
    'PUBLIC has no right on any schema of the product');
select is_empty(
    $$
    select n.nspname, g.grantee from pg_namespace as n
    cross join (
        values ('telemed_api'), ('telemed_dba'), ('telemed_auditor'), ('telemed_worker'),
            ('telemed_backup')
    ) as g (grantee)
    where n.nspname !~ '^pg_(toast_)?temp_' and has_schema_privilege(g.grantee, n.oid, 'CREATE')
    $$,
    'no client role can create anything in any schema');
select is_empty(
    $$
    select c.oid::regclass::text, a.grantee::regrole::text from pg_class as c
    cross join lateral aclexplode(c.relacl) as a
    where c.relnamespace in ('app'::regnamespace, 'api'::regnamespace, 'ops'::regnamespace,
    'work'::regnamespace)
      and a.is_grantable and a.grantee <> c.relowner
    union all
    select p.oid::regprocedure::text, a.grantee::regrole::text from pg_proc as p
    cross join lateral aclexplode(p.proacl) as a
    where p.pronamespace in ('app'::regnamespace, 'api'::regnamespace, 'ops'::regnamespace,
    'work'::regnamespace)
      and a.is_grantable and a.grantee <> p.proowner
    $$,
    'no client role can grant a right to others');

set local role telemed_owner;
create function api.made_by_a_careless_developer() returns integer language sql as 'select 1';
create function app.made_by_a_careless_developer() returns integer language sql as 'select 1';
reset role;
select is_empty(
    $$
    select p.oid::regprocedure, g.grantee
    from pg_proc as p
    cross join (values ('telemed_api'), ('telemed_dba'), ('telemed_auditor')) as g (grantee)
    where p.proname = 'made_by_a_careless_developer'
      and has_function_privilege(g.grantee, p.oid, 'EXECUTE')
    $$,
    'a new function is closed to every client role until a grant opens it');

-- The database itself. A copy does not have the rights of the original.
select datacl is null as is_a_bare_copy from pg_database where datname = current_database() \gset
\if :is_a_bare_copy
select skip('this is a copy of a database, made without its rights', 3);
\else
select is_empty(
    $$
    select a.privilege_type from pg_database as d
    cross join lateral aclexplode(d.datacl) as a
    where d.datname = current_database() and a.grantee = 0
    $$,
    'PUBLIC cannot connect to the database');
select is_empty(
    $$
    select g.grantee, p.privilege
    from (values ('telemed_api'), ('telemed_dba'), ('telemed_auditor'), ('telemed_worker'),
        ('telemed_backup')) as g (grantee)
    cross join (values ('CREATE'), ('TEMPORARY')) as p (privilege)
    where has_database_privilege(g.grantee, current_database(), p.privilege)
    $$,
    'no client role can create a schema or a temporary table');
select is(
    (select array_agg(g.grantee order by g.grantee)
     from (values ('telemed_api'), ('telemed_dba'), ('telemed_auditor'), ('telemed_worker'),
         ('telemed_backup')) as g (grantee)
     where has_database_privilege(g.grantee, current_database(), 'CONNECT')),
    '{telemed_api,telemed_auditor,telemed_backup,telemed_dba,telemed_worker}',
    'telemed_api, telemed_dba, telemed_auditor, telemed_worker and telemed_backup can connect to the database');
\endif

-- Row-level security. db/contract.txt lists the tables without it.
select is_empty(
    $$
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
      and (c.relrowsecurity and c.relforcerowsecurity)
          is distinct from exists (select from pg_policy as p where p.polrelid = c.oid)
    $$,
    'row-level security is forced on every table with policies, and on no other table');

select * from finish();
rollback;
