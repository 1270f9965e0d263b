begin;
\ir ../helpers/actors.psql
select plan(9);
reset role;

update app.users set mfa_secret = 'a secret', mfa_confirmed_at = app.clock(), mfa_last_step = 1
where id in (pg_temp.id_of('patient'), pg_temp.id_of('doctor'));
select app.issue_recovery_codes(pg_temp.id_of('patient')) \g /dev/null
update app.users set mfa_secret = 'a secret' where id = pg_temp.id_of('other_patient');

set local role telemed_dba;
select lives_ok(
    $$ select ops.remove_second_factor('Patient@clinic.test') $$,
    'remove_second_factor: an e-mail address in any case names the user');
select lives_ok(
    format('select ops.remove_second_factor(%L)', pg_temp.id_of('doctor')),
    'remove_second_factor: an id names the user');
select throws_ok(
    format('select ops.remove_second_factor(%L)', v.name), v.code, null, v.sentence)
from (values
    ('patient@clinic.test', 'TM915',
     'remove_second_factor: a user without a second factor is refused'),
    ('other_patient@clinic.test', 'TM915',
     'remove_second_factor: a second factor that is not confirmed is refused'),
    ('nobody@clinic.test', 'TM406', 'remove_second_factor: an unknown user is refused'),
    (null, 'TM406', 'remove_second_factor: a null user is refused')) as v (name, code, sentence);
reset role;
select is(
    (u.mfa_secret, u.mfa_confirmed_at::timestamptz, u.mfa_last_step),
    (null::bytea, null::timestamptz, null::bigint),
    'remove_second_factor: the secret, its confirmation and its last step are deleted')
from app.users as u where u.id = pg_temp.id_of('patient');
select is_empty(
    'select id from app.recovery_codes where spent_at is null',
    'remove_second_factor: no recovery code is left unspent');
set local role telemed_api;
select throws_ok(
    $$ select ops.remove_second_factor('patient@clinic.test') $$,
    '42501', null, 'remove_second_factor: the REST API cannot call it');

select * from finish();
rollback;
