begin;
\ir ../helpers/actors.psql
select plan(4);
reset role;

select collect_tap(
    is(u.id, pg_temp.id_of('patient'), 'an account is found by its id'),
    is(u.email::text, 'patient@clinic.test', 'with all that it has'))
from app.lock_account(pg_temp.id_of('patient')) as u;
select is((app.lock_account(gen_random_uuid())).id, null, 'there is none for an unknown id');
select is((app.lock_account(null)).id, null, 'nor for none');

select * from finish();
rollback;
