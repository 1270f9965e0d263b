begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select '$2b$04$' || repeat('a', 53) as hash \gset
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
select is(
    (app.account_with_password('Patient@clinic.test', :'hash')).id, pg_temp.id_of('patient'),
    'whoever knows the password has the account');
select is((app.account_with_password(v.email, v.password_hash)).id, null, v.sentence)
from (values
    ('patient@clinic.test', '$2b$04$' || repeat('a', 52) || 'b', 'not with a wrong password'),
    ('patient@clinic.test', null, 'nor with none'),
    ('unknown@clinic.test', :'hash', 'nor under an unknown address'),
    ('unknown@clinic.test', null, 'whatever is missing'),
    (null, :'hash', 'or both'),
    ('other_patient@clinic.test', :'hash', 'nor when it is deactivated'))
    as v (email, password_hash, sentence);

set local role telemed_api;
select throws_ok(
    format('select app.account_with_password(%L, %L)', 'patient@clinic.test', :'hash'),
    '42501', null, 'clients do not see the account itself');

select * from finish();
rollback;
