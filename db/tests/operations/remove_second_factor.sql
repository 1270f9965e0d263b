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
    'the second factor of somebody who has lost it is removed');
select lives_ok(
    format('select ops.remove_second_factor(%L)', pg_temp.id_of('doctor')),
    'whoever it is can be named by their id');
select throws_ok(
    format('select ops.remove_second_factor(%L)', v.name), v.code, null, v.sentence)
from (values
    ('patient@clinic.test', 'TM915', 'it is removed once'),
    ('other_patient@clinic.test', 'TM915', 'what is not confirmed is not lost'),
    ('nobody@clinic.test', 'TM406', 'there has to be somebody'),
    (null, 'TM406', 'with a name')) as v (name, code, sentence);
reset role;
select is(
    (u.mfa_secret, u.mfa_confirmed_at::timestamptz, u.mfa_last_step),
    (null::bytea, null::timestamptz, null::bigint), 'nothing is left of it')
from app.users as u where u.id = pg_temp.id_of('patient');
select is_empty(
    'select id from app.recovery_codes where spent_at is null', 'nor of its recovery codes');
set local role telemed_api;
select throws_ok(
    $$ select ops.remove_second_factor('patient@clinic.test') $$,
    '42501', null, 'the REST API does not do it');

select * from finish();
rollback;
