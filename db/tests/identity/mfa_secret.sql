begin;
\ir ../helpers/actors.psql
select plan(9);
reset role;

select '$2b$04$' || repeat('a', 53) as hash \gset
update app.users set mfa_secret = 'a secret', mfa_confirmed_at = app.clock()
where id in (pg_temp.id_of('patient'), pg_temp.id_of('other_patient'));
update app.users set mfa_secret = 'a secret' where id = pg_temp.id_of('doctor');
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select pg_temp.sign_in('nobody');

select is(
    api.mfa_secret('patient@clinic.test', :'hash'),
    row(pg_temp.id_of('patient'), 'a secret')::api.mfa_secrets,
    'whoever knows the password gets the encrypted secret');
select is(
    api.mfa_secret(v.email, v.password_hash), row(null, null)::api.mfa_secrets, v.sentence)
from (values
    ('patient@clinic.test', '$2b$04$' || repeat('a', 52) || 'b', 'not with a wrong password'),
    ('patient@clinic.test', null, 'nor without one'),
    ('unknown@clinic.test', :'hash', 'nor under an unknown address'),
    ('other_patient@clinic.test', :'hash', 'nor of a deactivated account'),
    ('doctor@clinic.test', :'hash', 'one that is not confirmed is none'),
    ('admin@clinic.test', :'hash', 'nor has every account one'))
    as v (email, password_hash, sentence);
select is(
    current_setting('app.user_id') || current_setting('app.role'), '',
    'whoever asks is nobody still');
reset role;
set local app.proof = '';
set local role telemed_api;
select throws_ok(
    format('select api.mfa_secret(%L, %L)', 'patient@clinic.test', :'hash'),
    'TM101', null, 'without a proven context nobody asks');

select * from finish();
rollback;
