begin;
\ir ../helpers/actors.psql
select plan(14);

select pg_temp.sign_in('patient', p_request_id => 'enrolment');
select is(
    (api.enrol_mfa('a secret')).email, 'patient@clinic.test',
    'enrol_mfa: a patient can enrol a second factor');
reset role;
select collect_tap(
    is(u.mfa_secret, 'a secret'::bytea, 'enrol_mfa: the encrypted secret is stored'),
    is(u.mfa_confirmed_at::timestamptz, null, 'enrol_mfa: the second factor is not in force yet'),
    is(u.mfa_last_step, null, 'enrol_mfa: no time step of the secret is used yet'))
from app.users as u where u.id = pg_temp.id_of('patient');
select collect_tap(
    is(l.user_id, pg_temp.id_of('patient'), 'enrol_mfa: the audit log names the user'),
    is(position('secret' in concat(l.old, l.new)), 0,
        'enrol_mfa: the audit log does not hold the secret'))
from app.audit_logs as l where l.table_name = 'users' and l.request_id = 'enrolment';
set local role telemed_api;

select lives_ok($$ select api.enrol_mfa('another') $$,
    'enrol_mfa: a second enrolment before the confirmation is accepted');
select is((api.my_mfa_secret()).secret, 'another',
    'enrol_mfa: a second enrolment replaces the secret');
select is(pg_temp.refusal('patient', v.call), v.refusal, v.sentence)
from (values
    ('select api.enrol_mfa(null)', 'TM201 secret', 'enrol_mfa: a null secret is refused'),
    ('select api.enrol_mfa(repeat(''x'', 1025))', '23514',
     'enrol_mfa: a secret of more than 1024 bytes is refused'))
    as v (call, refusal, sentence);

reset role;
update app.users set mfa_confirmed_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in('patient');
select throws_ok(
    $$ select api.enrol_mfa('yet another') $$, 'TM914', null,
    'enrol_mfa: an enrolment beside a second factor in force is refused');
select is((api.my_mfa_secret()).secret, 'another',
    'enrol_mfa: a refused enrolment leaves the secret as it is');
select pg_temp.sign_in('doctor');
select is((api.enrol_mfa('a secret')).role, 'doctor',
    'enrol_mfa: a doctor can enrol a second factor');
select pg_temp.sign_in('nobody');
select throws_ok($$ select api.enrol_mfa('a secret') $$, 'TM101', null,
    'enrol_mfa: a caller who is not logged in is refused');

select * from finish();
rollback;
