begin;
select plan(10);

select is_empty(
    $$
    select rolname from pg_roles
    where rolname like 'telemed\_%' and rolname in (
        'telemed_owner', 'telemed_api', 'telemed_dba', 'telemed_auditor')
      and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)
    $$,
    'No role of the product has a power over the cluster');
select is(
    (select array_agg(rolname::text order by rolname) from pg_roles
     where rolname in ('telemed_owner', 'telemed_api', 'telemed_dba', 'telemed_auditor')),
    '{telemed_api,telemed_auditor,telemed_dba,telemed_owner}',
    'The roles telemed_api, telemed_auditor, telemed_dba and telemed_owner exist');
select is(r.rolcanlogin, r.rolname = 'telemed_api', 'The role ' || r.rolname || case r.rolname
    when 'telemed_api' then ' can log in, for the REST API' else ' cannot log in' end)
from pg_roles as r
where r.rolname in ('telemed_owner', 'telemed_api', 'telemed_dba', 'telemed_auditor')
order by r.rolname;
select is_empty(
    $$
    select m.roleid::regrole, m.member::regrole from pg_auth_members as m
    where m.member in ('telemed_api'::regrole, 'telemed_dba'::regrole, 'telemed_auditor'::regrole)
      and not (m.member = 'telemed_dba'::regrole
               and m.roleid in ('pg_monitor'::regrole, 'pg_signal_backend'::regrole))
    $$,
    'The roles of the product have the rights of no other role, except that a DBA monitors the '
    'server and ends sessions that block others');
select is_empty(
    $$
    select m.member::regrole from pg_auth_members as m
    where m.roleid = 'telemed_owner'::regrole
      and m.member in ('telemed_api'::regrole, 'telemed_dba'::regrole, 'telemed_auditor'::regrole)
    $$,
    'Neither telemed_api nor telemed_dba nor telemed_auditor can become the owner');
select ok(
    r.rolconfig @> array[
        'statement_timeout=3s', 'lock_timeout=1500ms', 'idle_in_transaction_session_timeout=5s'],
    'Every wait of the REST API in the database has a timeout')
from pg_roles as r where r.rolname = 'telemed_api';
select ok(r.rolconfig @> array['TimeZone=UTC'], 'The REST API works in UTC')
from pg_roles as r where r.rolname = 'telemed_api';
select * from finish();
rollback;
