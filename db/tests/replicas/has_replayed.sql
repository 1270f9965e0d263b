begin;
\ir ../helpers/actors.psql
select plan(4);

-- tests/server/test_replicas.py has a standby.
select pg_temp.sign_in('nobody');
set local role telemed_api;
select is(api.has_replayed(null, 3600), false,
    'has_replayed: the primary is not a replica');
select is(api.has_replayed(v.position, 3600), false,
    'has_replayed: a malformed position is no error: ' || v.position)
from (values ('1-9-99999999999999999999; drop table')) as v (position);
reset role;
-- Otherwise it would see more than the statement that calls it.
select is(
    (select count(*) from pg_proc as p
     where p.pronamespace = 'api'::regnamespace and p.provolatile = 's'
       and p.proname in ('has_replayed', 'list_doctors', 'list_specialties', 'list_open_slots',
           'find_open_slots', 'doctor_calendar')),
    6::bigint, 'has_replayed: the lists of replicas see the same snapshot as it does');
set local role telemed_auditor;
select throws_ok('select api.has_replayed(null, 1)', '42501', null,
    'has_replayed: an auditor cannot call it');

select * from finish();
rollback;
