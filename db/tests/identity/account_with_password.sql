begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select '$2b$04$' || repeat('a', 53) as hash \gset
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
select is(
    (app.account_with_password('Patient@clinic.test', :'hash')).id, pg_temp.id_of('patient'),
    'account_with_password: the right password hash finds the account');
select is((app.account_with_password(v.email, v.password_hash)).id, null, v.sentence)
from (values
    ('patient@clinic.test', '$2b$04$' || repeat('a', 52) || 'b',
     'account_with_password: a wrong password hash finds no account'),
    ('patient@clinic.test', null, 'account_with_password: a null password hash finds no account'),
    ('unknown@clinic.test', :'hash',
     'account_with_password: an unknown e-mail address finds no account'),
    ('unknown@clinic.test', null,
     'account_with_password: an unknown e-mail address with a null password hash finds no account'),
    (null, :'hash', 'account_with_password: a null e-mail address finds no account'),
    ('other_patient@clinic.test', :'hash',
     'account_with_password: a deactivated account is not found'))
    as v (email, password_hash, sentence);

set local role telemed_api;
select throws_ok(
    format('select app.account_with_password(%L, %L)', 'patient@clinic.test', :'hash'),
    '42501', null, 'account_with_password: the REST API cannot call it');

select * from finish();
rollback;
