begin;
\ir ../helpers/actors.psql
select plan(32);
select pg_temp.sign_in('nobody');

select pg_temp.id_of('patient') as patient, pg_temp.id_of('doctor') as doctor \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset

set local role telemed_dba;
select throws_ok(
    'select api.my_profile()', 'TM101', null, 'a database administrator is nobody at first');

-- Who is meant
select collect_tap(
    is(u.id, :'patient', 'a user is named by their e-mail address'),
    is(u.role, 'patient', 'and comes with their role'))
from ops.act_as('patient@clinic.test') as u;
select is((ops.act_as('PATIENT@Clinic.test')).id, :'patient', 'in capital letters too');
select is((ops.act_as(:'patient')).id, :'patient', 'or by their id');
select is((ops.act_as(upper(:'patient'))).id, :'patient', 'in capital letters too');
select throws_ok(
    format('select ops.act_as(%L)', v.name), 'TM406', null, v.sentence)
from (values
    ('unknown@clinic.test', 'an unknown address is refused'),
    ('00000000-0000-7000-8000-000000000000', 'an unknown id is refused'),
    ('%', 'a pattern is refused'),
    ('', 'an empty name is refused')) as v (name, sentence);
select is((ops.act_as(null)).id, null, 'nobody is somebody who is not signed in');
select throws_ok('select api.my_profile()', 'TM101', null, 'and has no profile');
select is((ops.act_as(:'patient')).id, :'patient', 'the administrator goes on');
select is(
    (api.my_profile()).id, :'patient', 'after a refusal the administrator acts as before');

-- What the user may, the administrator may
select id as booking, status from api.book_consultation(:'slot', 'By phone', 'key-1') \gset
select is(:'status'::text, 'scheduled', 'the administrator books for the patient');
select is(
    (api.get_consultation(:'booking')).patient_id, :'patient', 'the booking is the patient''s');
select throws_ok(
    format('select api.complete_consultation(%L)', :'booking'),
    'TM301', null, 'what the patient may not, the administrator may not');
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'slot', 'key-2'),
    'TM918', null, 'a refusal is an error, in plain sight');
reset role;
select collect_tap(
    is(l.user_id, :'patient', 'the trail has the patient'),
    is(l.role::text, 'patient', 'in their role'),
    is(l.database_login, session_user, 'and the login of the administrator'),
    matches(l.request_id::text, '^psql-\d+-\d+$', 'under an id of this transaction'))
from app.audit_logs as l where l.table_name = 'consultations' and l.row_id = :'booking';
set local role telemed_dba;

select is(
    (ops.act_as('doctor@clinic.test')).id, :'doctor', 'the administrator goes on as the doctor');
select is(
    (api.complete_consultation(:'booking')).status, 'completed', 'who completes the consultation');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_dba;
select is(
    (ops.act_as('other_patient@clinic.test')).role, 'patient',
     'a deactivated account can be named');
select throws_ok('select api.my_profile()', 'TM102', null, 'but does nothing');

-- The context ends with the transaction. A function with settings of its own shows it: what is set
-- for the transaction only ends with the function, what is set for the session outlives it.
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
select is(pg_temp.act_in_passing(), pg_temp.id_of('admin'), 'the administrator acts as an admin');
select is(
    concat(
        current_setting('app.user_id'), current_setting('app.role'),
        current_setting('app.request_id'), current_setting('app.refusals')),
    '', 'nothing of it is left for the next transaction');

select results_eq(
    $$
    select l.user_id, l.role::text, l.database_login
    from app.access_logs as l where l.kind = 'act_as' order by l.id desc limit 1
    $$,
    $$ select pg_temp.id_of('admin'), 'admin', session_user $$,
    'every time leaves a row in the access log, with the login of the administrator');

-- Who may not
set local role telemed_api;
select throws_ok(
    $$ select ops.act_as('admin@clinic.test') $$, '42501', null, 'the REST API acts as nobody');
set local role telemed_auditor;
select throws_ok(
    $$ select ops.act_as('admin@clinic.test') $$, '42501', null, 'nor does an auditor');

-- In psql a refusal is an error, whatever the session did before
reset role;
select pg_temp.open_slot('doctor', '2027-02-05 09:00:00+00') as gone \gset
update app.availability_slots set status = 'withdrawn' where id = :'gone';
set local app.refusals = 'remember';
set local role telemed_dba;
select ops.act_as('patient@clinic.test') \g /dev/null
select throws_ok(
    format('select api.book_consultation(%L, null, %L)', :'gone', 'taken'), 'TM901', null,
    'a refusal that clients would have remembered is an error');

select * from finish();
rollback;
