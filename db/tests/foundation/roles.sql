begin;
select plan(10);

select is_empty(
    $$
    select rolname from pg_roles
    where rolname like 'telemed\_%' and rolname in (
        'telemed_owner', 'telemed_api', 'telemed_dba', 'telemed_auditor')
      and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)
    $$,
    'no role of the product has a power over the cluster');
select is(
    (select array_agg(rolname::text order by rolname) from pg_roles
     where rolname in ('telemed_owner', 'telemed_api', 'telemed_dba', 'telemed_auditor')),
    '{telemed_api,telemed_auditor,telemed_dba,telemed_owner}',
    'the product has its four roles');
select is(r.rolcanlogin, r.rolname = 'telemed_api', r.rolname || case r.rolname
    when 'telemed_api' then ' logs in, for the REST API' else ' does not log in' end)
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
    'none of them borrows the rights of another role, but database administrators monitor the server,'
    ' and end whoever blocks it');
select is_empty(
    $$
    select m.member::regrole from pg_auth_members as m
    where m.roleid = 'telemed_owner'::regrole
      and m.member in ('telemed_api'::regrole, 'telemed_dba'::regrole, 'telemed_auditor'::regrole)
    $$,
    'none of them can become the owner');
select ok(
    r.rolconfig @> array[
        'statement_timeout=3s', 'lock_timeout=1500ms', 'idle_in_transaction_session_timeout=5s'],
    'a request of the REST API never waits for ever')
from pg_roles as r where r.rolname = 'telemed_api';
select ok(r.rolconfig @> array['TimeZone=UTC'], 'the REST API works in UTC')
from pg_roles as r where r.rolname = 'telemed_api';
select * from finish();
rollback;
