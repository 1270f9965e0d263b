begin;
\ir ../helpers/actors.psql
select plan(32);
select pg_temp.sign_in('nobody');

select pg_temp.id_of('patient') as patient, pg_temp.id_of('doctor') as doctor \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset

set local role telemed_dba;
select throws_ok(
    'select api.my_profile()', 'TM101', null,
    'my_profile: a DBA who has not called ops.act_as is refused');

-- The user's name
select collect_tap(
    is(u.id, :'patient', 'act_as: an e-mail address names a user'),
    is(u.role, 'patient', 'act_as: the returned row has the user''s role'))
from ops.act_as('patient@clinic.test') as u;
select is((ops.act_as('PATIENT@Clinic.test')).id, :'patient',
    'act_as: the e-mail address may be in capital letters');
select is((ops.act_as(:'patient')).id, :'patient', 'act_as: an id names a user');
select is((ops.act_as(upper(:'patient'))).id, :'patient',
    'act_as: the id may be in capital letters');
select throws_ok(
    format('select ops.act_as(%L)', v.name), 'TM406', null, v.sentence)
from (values
    ('unknown@clinic.test', 'act_as: an unknown e-mail address is refused'),
    ('00000000-0000-7000-8000-000000000000', 'act_as: an unknown id is refused'),
    ('%', 'act_as: a pattern is refused'),
    ('', 'act_as: an empty name is refused')) as v (name, sentence);
select is((ops.act_as(null)).id, null, 'act_as: null names no user');
select throws_ok('select api.my_profile()', 'TM101', null,
    'act_as: after null the DBA acts as a caller who is not logged in');
select is((ops.act_as(:'patient')).id, :'patient', 'act_as: a DBA can act as a user after null');
select is(
    (api.my_profile()).id, :'patient', 'act_as: the context stays in force after a refused call');

-- The DBA's rights are those of the user
select id as booking, status from api.book_consultation(:'slot', 'By phone', 'key-1') \gset
select is(:'status'::text, 'scheduled', 'act_as: a DBA who acts as a patient can book');
select is(
    (api.get_consultation(:'booking')).patient_id, :'patient',
    'act_as: the consultation belongs to the patient');
select throws_ok(
    format('select api.complete_consultation(%L)', :'booking'),
    'TM301', null, 'act_as: a DBA who acts as a patient cannot complete a consultation');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'slot', 'key-2'),
    'TM918', null, 'act_as: a refusal is raised as an error');
reset role;
select collect_tap(
    is(l.user_id, :'patient', 'act_as: the audit log has the patient as the user'),
    is(l.role::text, 'patient', 'act_as: the audit log has the patient''s role'),
    is(l.database_login, session_user, 'act_as: the audit log has the DBA''s login'),
    matches(l.request_id::text, '^psql-\d+-\d+$',
        'act_as: the audit log has a request id that names the process and the transaction'))
from app.audit_logs as l where l.table_name = 'consultations' and l.row_id = :'booking';
set local role telemed_dba;

select is(
    (ops.act_as('doctor@clinic.test')).id, :'doctor',
    'act_as: a DBA can act as another user in the same transaction');
select is(
    (api.complete_consultation(:'booking')).status, 'completed',
    'act_as: a DBA who acts as the doctor can complete the consultation');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_dba;
select is(
    (ops.act_as('other_patient@clinic.test')).role, 'patient',
     'act_as: a deactivated account can be named');
select throws_ok('select api.my_profile()', 'TM102', null,
    'act_as: calls as a deactivated account are refused');

-- The context ends with the transaction. A function with settings of its own shows it: a setting of
-- the transaction ends with the function, a setting of the session outlives it.
reset role;
create function pg_temp.act_in_passing()
returns uuid language plpgsql
set app.user_id = '' set app.role = '' set app.request_id = '' set app.refusals = ''
set app.proof = ''
as $$
begin
    perform ops.act_as('admin@clinic.test');
    return (api.my_profile()).id;
end;
$$;
select pg_temp.sign_in('nobody', '', '');
select is(pg_temp.act_in_passing(), pg_temp.id_of('admin'), 'act_as: a DBA can act as an admin');
select is(
    concat(
        current_setting('app.user_id'), current_setting('app.role'),
        current_setting('app.request_id'), current_setting('app.refusals')),
    '', 'act_as: no setting outlives the transaction');

select results_eq(
    $$
    select l.user_id, l.role::text, l.database_login
    from app.access_logs as l where l.kind = 'act_as' order by l.id desc limit 1
    $$,
    $$ select pg_temp.id_of('admin'), 'admin', session_user $$,
    'act_as: the access log has an entry with the user and the DBA''s login');

-- Roles without the right
set local role telemed_api;
select throws_ok(
    $$ select ops.act_as('admin@clinic.test') $$, '42501', null,
    'act_as: the REST API cannot call it');
set local role telemed_auditor;
select throws_ok(
    $$ select ops.act_as('admin@clinic.test') $$, '42501', null,
    'act_as: an auditor cannot call it');

-- In psql a refusal is an error, whatever the session did before
reset role;
select pg_temp.open_slot('doctor', '2027-02-05 09:00:00+00') as gone \gset
update app.availability_slots set status = 'withdrawn' where id = :'gone';
set local app.refusals = 'remember';
set local role telemed_dba;
select ops.act_as('patient@clinic.test') \g /dev/null
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'gone', 'taken'), 'TM901', null,
    'act_as: a refusal is raised even if the session asked for stored refusals before');

select * from finish();
rollback;
