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

-- Permitted changes
set local role telemed_dba;
select collect_tap(
    is(u.id, :'patient', 'change_role: the returned row is that of the user'),
    is(u.role, 'admin', 'change_role: a patient becomes an admin'),
    is(u.email, 'patient@clinic.test', 'change_role: an e-mail address in any case names the user'),
    is(u.full_name, 'Patient patient', 'change_role: the returned row has the user''s full name'))
from ops.change_role('PATIENT@clinic.test', 'admin') as u;
reset role;
select is(s.revoked_at::timestamptz, '2027-01-04 08:00:00+00',
    'change_role: the user''s session is revoked')
from app.sessions as s where s.id = :'session';
select collect_tap(
    is(l.old ->> 'role', 'patient', 'change_role: the audit log has the old role'),
    is(l.new ->> 'role', 'admin', 'change_role: the audit log has the new role'),
    is(l.user_id, null, 'change_role: the audit log has no user for a change without a context'),
    is(l.database_login, session_user, 'change_role: the audit log has the database login'))
from app.audit_logs as l
where l.table_name = 'users' and l.row_id = :'patient' order by l.id desc limit 1;
set local role telemed_api;
select is(
    pg_temp.refusal('patient', 'select api.my_profile()'), 'TM102',
    'change_role: a context with the old role is refused');
select pg_temp.sign_in('nobody');
select is(
    (api.log_in('patient@clinic.test', :'hash')).role, 'admin',
    'change_role: a log-in after the change has the new role');
select is(
    pg_temp.refusal('nobody', 'select api.list_audit_logs()'), 'TM101',
    'change_role: a caller who is not logged in is refused');
reset role;
set local role telemed_dba;
select is((ops.act_as(:'patient')).role, 'admin', 'change_role: a DBA can act as the new admin');
select lives_ok('select api.list_audit_logs()',
    'change_role: the new admin can list the audit log');
select is(
    (ops.change_role(:'patient', 'admin')).role, 'admin',
    'change_role: the same role again changes nothing');
select is((ops.change_role(:'patient', 'patient')).role, 'patient',
    'change_role: an admin becomes a patient');
select throws_ok('select api.list_audit_logs()', 'TM102', null,
    'change_role: a context with the role admin is refused after the change to patient');
reset role;
select is(
    (l.user_id, l.new ->> 'role'), (:'patient'::uuid, 'patient'::text),
    'change_role: after ops.act_as the audit log has the user who was acted as')
from app.audit_logs as l
where l.table_name = 'users' and l.row_id = :'patient' order by l.id desc limit 1;

-- Refusals
set local role telemed_dba;
select is(
    pg_temp.refusal('nobody', format('select ops.change_role(%L, %L)', v.name, v.role)),
    v.refusal, v.sentence)
from (values
    ('unknown@clinic.test', 'admin', 'TM406', 'change_role: an unknown user is refused'),
    (null, 'admin', 'TM406', 'change_role: a null user is refused'),
    ('patient@clinic.test', 'doctor', 'TM223 role', 'change_role: a change to doctor is refused'),
    ('doctor@clinic.test', 'admin', 'TM223 role', 'change_role: a change of a doctor is refused'),
    ('patient@clinic.test', 'root', 'TM223 role', 'change_role: an unknown role is refused'),
    ('patient@clinic.test', null, 'TM223 role', 'change_role: a null role is refused'),
    ('other_patient@clinic.test', 'admin', 'TM921',
     'change_role: a change of a patient with a consultation is refused')
) as v (name, role, refusal, sentence);

-- Roles without the right
set local role telemed_api;
select pg_temp.sign_in('admin');
select throws_ok(
    $$ select ops.change_role('patient@clinic.test', 'admin') $$, '42501', null,
    'change_role: the REST API cannot call it');
set local role telemed_auditor;
select throws_ok(
    $$ select ops.change_role('patient@clinic.test', 'admin') $$, '42501', null,
    'change_role: an auditor cannot call it');

select * from finish();
rollback;
