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
    'mfa_secret: the right password gets the encrypted secret');
select is(
    api.mfa_secret(v.email, v.password_hash), row(null, null)::api.mfa_secrets, v.sentence)
from (values
    ('patient@clinic.test', '$2b$04$' || repeat('a', 52) || 'b',
     'mfa_secret: a wrong password gets no secret'),
    ('patient@clinic.test', null, 'mfa_secret: a null password gets no secret'),
    ('unknown@clinic.test', :'hash', 'mfa_secret: an unknown e-mail address gets no secret'),
    ('other_patient@clinic.test', :'hash', 'mfa_secret: a deactivated account gets no secret'),
    ('doctor@clinic.test', :'hash',
     'mfa_secret: an account whose second factor is not confirmed gets no secret'),
    ('admin@clinic.test', :'hash', 'mfa_secret: an account without a second factor gets no secret'))
    as v (email, password_hash, sentence);
select is(
    current_setting('app.user_id') || current_setting('app.role'), '',
    'mfa_secret: the call leaves the transaction without an actor');
reset role;
set local app.proof = '';
set local role telemed_api;
select throws_ok(
    format('select api.mfa_secret(%L, %L)', 'patient@clinic.test', :'hash'),
    'TM101', null, 'mfa_secret: a call without a context signature is refused');

select * from finish();
rollback;
