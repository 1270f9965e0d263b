begin;
select plan(14);

select is_empty(
    $$
    select rolname from pg_roles
    where rolname like 'telemed\_%' and rolname in (
        'telemed_owner', 'telemed_internal', 'telemed_api', 'telemed_dba', 'telemed_auditor',
        'telemed_worker')
      and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)
    $$,
    'No role of the product but telemed_backup has a power over the cluster');
select ok(
    r.rolbypassrls and not (r.rolcanlogin or r.rolsuper or r.rolcreaterole or r.rolcreatedb
        or r.rolreplication)
    and pg_has_role(r.oid, 'pg_read_all_data', 'usage'),
    'The role telemed_backup reads every row, has no other power and cannot log in')
from pg_roles as r where r.rolname = 'telemed_backup';
select is(
    (select array_agg(rolname::text order by rolname) from pg_roles
     where rolname in ('telemed_owner', 'telemed_api', 'telemed_dba', 'telemed_auditor', 'telemed_worker')),
    '{telemed_api,telemed_auditor,telemed_dba,telemed_owner,telemed_worker}',
    'The roles telemed_api, telemed_auditor, telemed_dba, telemed_owner and telemed_worker exist');
select is(r.rolcanlogin, r.rolname in ('telemed_api', 'telemed_worker'), 'The role ' || r.rolname || case r.rolname
    when 'telemed_api' then ' can log in, for the REST API'
    when 'telemed_worker' then ' can log in, for the worker' else ' cannot log in' end)
from pg_roles as r
where r.rolname in ('telemed_owner', 'telemed_api', 'telemed_dba', 'telemed_auditor', 'telemed_worker')
order by r.rolname;
select is_empty(
    $$
    select m.roleid::regrole, m.member::regrole from pg_auth_members as m
    where m.member in (
        'telemed_api'::regrole, 'telemed_dba'::regrole, 'telemed_auditor'::regrole,
        'telemed_worker'::regrole)
      and not (m.member = 'telemed_dba'::regrole
               and m.roleid in ('pg_monitor'::regrole, 'pg_signal_backend'::regrole))
    $$,
    'The roles of the product have the rights of no other role, except that a DBA monitors the '
    'server and ends sessions that block others');
select is_empty(
    $$
    select m.member::regrole from pg_auth_members as m
    where m.roleid = 'telemed_owner'::regrole
      and m.member in (
        'telemed_api'::regrole, 'telemed_dba'::regrole, 'telemed_auditor'::regrole,
        'telemed_worker'::regrole)
    $$,
    'Neither telemed_api nor telemed_dba, telemed_auditor or telemed_worker can become the owner');
select is_empty(
    $$
    select m.roleid::regrole from pg_auth_members as m
    where m.member = 'telemed_backup'::regrole and m.roleid <> 'pg_read_all_data'::regrole
    $$,
    'The role telemed_backup has the rights of no role that can write');
select ok(
    r.rolconfig @> array[
        'statement_timeout=3s', 'lock_timeout=1500ms', 'idle_in_transaction_session_timeout=5s'],
    'Every wait of the REST API in the database has a timeout')
from pg_roles as r where r.rolname = 'telemed_api';
select ok(r.rolconfig @> array['TimeZone=UTC'], 'The REST API works in UTC')
from pg_roles as r where r.rolname = 'telemed_api';
select ok(
    r.rolconfig @> array[
        'statement_timeout=10min', 'lock_timeout=5s', 'idle_in_transaction_session_timeout=1min',
        'TimeZone=UTC', 'search_path=procrastinate'],
    'Every wait of the worker in the database has a timeout; it works in UTC and finds its queue')
from pg_roles as r where r.rolname = 'telemed_worker';
select * from finish();
rollback;
