begin;
\ir ../helpers/actors.psql
select plan(14);

select pg_temp.sign_in('patient', p_request_id => 'enrolment');
select is(
    (api.enrol_mfa('a secret')).email, 'patient@clinic.test', 'a patient enrols a second factor');
reset role;
select collect_tap(
    is(u.mfa_secret, 'a secret'::bytea, 'its encrypted secret is stored'),
    is(u.mfa_confirmed_at::timestamptz, null, 'it is not in force yet'),
    is(u.mfa_last_step, null, 'none of its codes has been used'))
from app.users as u where u.id = pg_temp.id_of('patient');
select collect_tap(
    is(l.user_id, pg_temp.id_of('patient'), 'that leaves a trace'),
    is(position('secret' in concat(l.old, l.new)), 0, 'without the secret'))
from app.audit_logs as l where l.table_name = 'users' and l.request_id = 'enrolment';
set local role telemed_api;

select lives_ok($$ select api.enrol_mfa('another') $$, 'they may begin again');
select is((api.my_mfa_secret()).secret, 'another', 'with another secret');
select is(pg_temp.refusal('patient', v.call), v.refusal, v.sentence)
from (values
    ('select api.enrol_mfa(null)', 'TM201 secret', 'not with none'),
    ('select api.enrol_mfa(repeat(''x'', 1025))', '23514', 'nor with a very long one'))
    as v (call, refusal, sentence);

reset role;
update app.users set mfa_confirmed_at = app.clock() where id = pg_temp.id_of('patient');
set local role telemed_api;
select pg_temp.sign_in('patient');
select throws_ok(
    $$ select api.enrol_mfa('yet another') $$, 'TM914', null,
    'a second factor that is in force has to be removed first');
select is((api.my_mfa_secret()).secret, 'another', 'it stays as it is');
select pg_temp.sign_in('doctor');
select is((api.enrol_mfa('a secret')).role, 'doctor', 'doctors enrol as well');
select pg_temp.sign_in('nobody');
select throws_ok($$ select api.enrol_mfa('a secret') $$, 'TM101', null, 'strangers do not');

select * from finish();
rollback;
