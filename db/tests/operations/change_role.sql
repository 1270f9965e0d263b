begin;
\ir ../helpers/actors.psql
select plan(27);

select '$2b$04$' || repeat('a', 53) as hash, pg_temp.id_of('patient') as patient,
    pg_temp.id_of('other_patient') as other_patient \gset
reset role;
select pg_temp.new_session('patient') as session \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
set local role telemed_api;
select pg_temp.booking('other_patient', :'slot') as booking \gset
select pg_temp.sign_in('nobody', p_request_id => '');
set local app.proof = '';

-- The permitted path
set local role telemed_dba;
select collect_tap(
    is(u.id, :'patient', 'a database administrator changes the role of a user'),
    is(u.role, 'admin', 'from patient to admin'),
    is(u.email, 'patient@clinic.test', 'named by e-mail address'),
    is(u.full_name, 'Patient patient', 'and sees who it is'))
from ops.change_role('PATIENT@clinic.test', 'admin') as u;
reset role;
select is(s.revoked_at::timestamptz, '2027-01-04 08:00:00+00', 'every session has ended')
from app.sessions as s where s.id = :'session';
select collect_tap(
    is(l.old ->> 'role', 'patient', 'it leaves a trace of the old role'),
    is(l.new ->> 'role', 'admin', 'and the new one'),
    is(l.user_id, null, 'without a user'),
    is(l.database_login, session_user, 'but with the login to the database'))
from app.audit_logs as l
where l.table_name = 'users' and l.row_id = :'patient' order by l.id desc limit 1;
set local role telemed_api;
select is(
    pg_temp.refusal('patient', 'select api.my_profile()'), 'TM102',
    'an access token of before is refused at the next request');
select pg_temp.sign_in('nobody');
select is(
    (api.log_in('patient@clinic.test', :'hash')).role, 'admin', 'the user logs in again as an admin');
select is(
    pg_temp.refusal('nobody', 'select api.list_audit_logs()'), 'TM101', 'and only then');
reset role;
set local role telemed_dba;
select is((ops.act_as(:'patient')).role, 'admin', 'a database administrator acts as an admin');
select lives_ok('select api.list_audit_logs()', 'who reads the trail');
select is(
    (ops.change_role(:'patient', 'admin')).role, 'admin',
    'to change it once more changes nothing; an id is a name, too');
select is((ops.change_role(:'patient', 'patient')).role, 'patient', 'an admin becomes a patient');
select throws_ok('select api.list_audit_logs()', 'TM102', null, 'who does not read the trail');
reset role;
select is(
    (l.user_id, l.new ->> 'role'), (:'patient'::uuid, 'patient'::text),
    'after acting as somebody the trail names them')
from app.audit_logs as l
where l.table_name = 'users' and l.row_id = :'patient' order by l.id desc limit 1;

-- Refusals
set local role telemed_dba;
select is(
    pg_temp.refusal('nobody', format('select ops.change_role(%L, %L)', v.name, v.role)),
    v.refusal, v.sentence)
from (values
    ('unknown@clinic.test', 'admin', 'TM406', 'an unknown user is refused'),
    (null, 'admin', 'TM406', 'and so is none'),
    ('patient@clinic.test', 'doctor', 'TM223 role', 'nobody becomes a doctor without a practice'),
    ('doctor@clinic.test', 'admin', 'TM223 role', 'a doctor stays a doctor'),
    ('patient@clinic.test', 'root', 'TM223 role', 'a role that is not known is refused'),
    ('patient@clinic.test', null, 'TM223 role', 'and so is none'),
    ('other_patient@clinic.test', 'admin', 'TM921',
     'who is the patient of a consultation stays a patient')
) as v (name, role, refusal, sentence);

-- Who may not
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok(
    $$ select ops.change_role('patient@clinic.test', 'admin') $$, '42501', null,
    'the REST API changes no roles, not even for an admin');
set local role telemed_auditor;
select throws_ok(
    $$ select ops.change_role('patient@clinic.test', 'admin') $$, '42501', null,
    'nor does an auditor');

select * from finish();
rollback;
