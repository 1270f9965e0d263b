begin;
\ir ../helpers/actors.psql
select plan(4);
reset role;

select collect_tap(
    is(u.id, pg_temp.id_of('patient'), 'lock_account: the answer has the id of the account'),
    is(u.email::text, 'patient@clinic.test',
        'lock_account: the answer has the e-mail address of the account'))
from app.lock_account(pg_temp.id_of('patient')) as u;
select is((app.lock_account(gen_random_uuid())).id, null,
    'lock_account: an unknown id finds no account');
select is((app.lock_account(null)).id, null, 'lock_account: null finds no account');

select * from finish();
rollback;
