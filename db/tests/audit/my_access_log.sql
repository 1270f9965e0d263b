begin;
\ir ../helpers/actors.psql
select plan(27);

-- A patient whose data can be found in every answer: each text has the word Zebra.
select pg_temp.sign_in('patient');
select full_name from api.update_my_profile('Pat Zebra', '+49 999 0001', p_versions => '{*}') \gset
select c.id as treated from api.book_consultation(
    pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00'), 'Zebra stripes', 'treated') as c \gset
select c.id as scheduled from api.book_consultation(
    pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00'), 'Zebra again', 'scheduled') as c \gset
select pg_temp.booking('other_patient', pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00'))
    as foreign_booking \gset
select pg_temp.open_slot('doctor', '2027-01-06 09:00:00+00') as open_slot \gset
select pg_temp.sign_in('doctor');
select status from api.complete_consultation(:'treated', 'Zebra notes') \gset
select t.id as time_off
from api.take_time_off('2027-03-01 08:00+00', '2027-03-01 12:00+00') as t \gset
select p.id as prescription from api.issue_prescription(
    :'treated', '[{"drug": "Zebra pill", "dosage": "1 g"}]', 'Zebra advice') as p \gset
select pg_temp.sign_in('admin');
select p.id as payment from api.record_payment(
    :'treated', 5000, 'EUR', 'card', 'zebra-1', null, 'payment') as p \gset

-- Every function of api and ops that returns more than a number or a truth value
reset role;
create temp table call (name text, actor text, is_read boolean, sql text) on commit drop;
insert into call values
('activate_user', 'admin', true, format('api.activate_user(%L)', pg_temp.id_of('patient'))),
('cancel_consultation', 'doctor', true, format('api.cancel_consultation(%L)', :'scheduled')),
('cancel_consultation', 'admin', true, format('api.cancel_consultation(%L)', :'scheduled')),
('clinic_analytics', 'admin', false, 'api.clinic_analytics()'),
('complete_consultation', 'doctor', true, format('api.complete_consultation(%L)', :'scheduled')),
('consultation_history', 'doctor', true, format('api.consultation_history(%L)', :'treated')),
('consultation_history', 'admin', true, format('api.consultation_history(%L)', :'treated')),
('deactivate_user', 'admin', true, format('api.deactivate_user(%L)', pg_temp.id_of('patient'))),
('deactivate_user', 'admin', false,
 format('api.deactivate_user(%L)', pg_temp.id_of('other_patient'))),
('find_open_slots', 'doctor', false, 'api.find_open_slots()'),
('find_open_slots', 'admin', false, 'api.find_open_slots()'),
('doctor_calendar', 'doctor', false, format('api.doctor_calendar(%L)', pg_temp.id_of('doctor'))),
('get_consultation', 'doctor', true, format('api.get_consultation(%L)', :'treated')),
('get_consultation', 'admin', true, format('api.get_consultation(%L)', :'treated')),
('get_consultation', 'admin', false, format('api.get_consultation(%L)', :'foreign_booking')),
('get_doctor', 'admin', false, format('api.get_doctor(%L)', pg_temp.id_of('doctor'))),
('get_payment', 'admin', true, format('api.get_payment(%L)', :'payment')),
('get_prescription', 'doctor', true, format('api.get_prescription(%L)', :'prescription')),
('get_prescription', 'admin', true, format('api.get_prescription(%L)', :'prescription')),
('get_slot', 'doctor', false, format('api.get_slot(%L)', :'open_slot')),
('get_time_off', 'doctor', false, format('api.get_time_off(%L)', :'time_off')),
('issue_prescription', 'doctor', false, format(
    'api.issue_prescription(%L, ''[{"drug": "Ibuprofen", "dosage": "1 g"}]'')', :'treated')),
('list_access_logs', 'admin', false, 'api.list_access_logs()'),
('list_audit_logs', 'admin', true, 'api.list_audit_logs(''consultations'')'),
('list_audit_logs', 'admin', true, 'api.list_audit_logs(''prescription_items'')'),
('list_audit_logs', 'admin', true, 'api.list_audit_logs(''prescriptions'')'),
('list_audit_logs', 'admin', true, 'api.list_audit_logs(''payments'')'),
('list_audit_logs', 'admin', true, 'api.list_audit_logs(''profiles'')'),
('list_audit_logs', 'admin', true, 'api.list_audit_logs(''users'')'),
('list_audit_logs', 'admin', false, 'api.list_audit_logs(''availability_slots'')'),
('list_consultations', 'doctor', true, 'api.list_consultations()'),
('list_consultations', 'admin', true, 'api.list_consultations()'),
('list_consultations', 'other_doctor', false, 'api.list_consultations()'),
('list_doctors', 'doctor', false, 'api.list_doctors()'),
('list_open_slots', 'admin', false, format('api.list_open_slots(%L)', pg_temp.id_of('doctor'))),
('list_payments', 'admin', true, format('api.list_payments(%L)', :'treated')),
('list_prescriptions', 'doctor', true, format('api.list_prescriptions(%L)', :'treated')),
('list_prescriptions', 'admin', true, format('api.list_prescriptions(%L)', :'treated')),
('list_specialties', 'doctor', false, 'api.list_specialties()'),
('list_time_off', 'doctor', false, 'api.list_time_off()'),
('my_schedule', 'doctor', true, 'api.my_schedule(''2027-01-05'')'),
('my_schedule', 'other_doctor', false, 'api.my_schedule(''2027-01-05'')'),
('preview_weekly_slots', 'doctor', false,
 'api.preview_weekly_slots(''2027-05-03'', ''2027-05-09'', ''{1}'', ''09:00'', ''10:00'', 30)'),
('publish_slot', 'doctor', false,
 'api.publish_slot(''2027-02-01 09:00+00'', ''2027-02-01 10:00+00'')'),
('publish_weekly_slots', 'doctor', false,
 'api.publish_weekly_slots(''2027-05-03'', ''2027-05-09'', ''{1}'', ''09:00'', ''10:00'', 30)'),
('record_payment', 'admin', false, format(
    'api.record_payment(%L, 1, ''EUR'', ''card'', ''other'', null, ''k'')', :'scheduled')),
('refund_payment', 'admin', true, format(
    'api.refund_payment(%L, 1, ''Too much'', ''k'')', :'payment')),
('take_time_off', 'doctor', false,
 'api.take_time_off(''2027-01-05 08:00+00'', ''2027-01-05 12:00+00'')'),
('withdraw_slot', 'doctor', false, format('api.withdraw_slot(%L)', :'open_slot')),
('act_as', 'dba', true, 'ops.act_as(''patient@clinic.test'')'),
('change_role', 'dba', true, 'ops.change_role(''patient@clinic.test'', ''patient'')'),
('row_history', 'dba', true, format('ops.row_history(''consultations'', %L)', :'treated')),
('row_history', 'dba', true, format(
    'ops.row_history(''prescription_items'', %L)', :'prescription')),
('row_history', 'dba', true, format('ops.row_history(''prescriptions'', %L)', :'prescription')),
('row_history', 'dba', true, format('ops.row_history(''payments'', %L)', :'payment')),
('row_history', 'dba', true, format(
    'ops.row_history(''profiles'', %L)', pg_temp.id_of('patient'))),
('row_history', 'dba', false, format(
    'ops.row_history(''availability_slots'', %L)', :'open_slot')),
('advise', 'dba', false, 'ops.advise()'),
('attendance', 'dba', true, 'ops.attendance(''2027-01-05'', ''2027-01-06'')'),
('check_invariants', 'admin', false, 'api.check_invariants()'),
('check_invariants', 'dba', false, 'ops.check_invariants()'),
('clinic_overview', 'dba', false, 'ops.clinic_overview()'),
('slots_of_changed_zones', 'dba', false, 'ops.slots_of_changed_zones()'),
('undelivered_messages', 'dba', false, 'ops.undelivered_messages()');

-- Functions that answer only the caller about themselves, or that have no data of patients
create temp table no_read (name text primary key) on commit drop;
insert into no_read
select unnest('{
    book_consultation,reschedule_consultation,sign_up,log_in,log_in_salt,mfa_secret,
    refresh_session,change_password,confirm_mfa,enrol_mfa,my_mfa_secret,my_password_salt,
    my_profile,update_my_profile,list_sessions,my_access_log,export_my_data,my_notifications,
    update_my_notifications,request_email_verification,request_email_change,verify_email,
    request_password_reset,create_my_calendar,get_calendar_feed,dead_jobs,queue_figures,worker_heartbeat,
    read_position,
    onboard_doctor,update_doctor,time_zone_data,time_zone_laws,add_context_key,replace_context_keys,
    list_context_keys,create_admin,
    create_webhook,get_webhook,list_webhooks,update_webhook,rotate_webhook_secret,ping_webhook,
    list_webhook_attempts,redeliver_webhook,
    create_partitions,drop_partitions,purge,record_backup,require_second_factor,seal_audit,set_video_window,
    list_dead_jobs,retry_dead_jobs,list_audit_seals,check_audit,system_figures,list_advice,
    advance_sequences,verify_audit,database_figures,keys_of_secrets,
    slowest_statements}'::text[]);

create temp view answering as
select distinct p.proname::text as name
from pg_proc as p
where p.pronamespace in ('api'::regnamespace, 'ops'::regnamespace)
  and p.prorettype <> all ('{void,boolean,integer,bigint,interval}'::regtype[]);

-- Runs a call, takes it back, and says what its answer shows and what the patient sees of it.
create function pg_temp.tried(p_name text, p_actor text, p_sql text)
returns text[] language plpgsql
as $$
declare
    v_last bigint;
    v_answer text;
begin
    perform pg_temp.sign_in(nullif(p_actor, 'dba'));
    v_last := (select coalesce(max(l.id), 0) from app.access_logs as l);
    execute format('select string_agg(r::text, '' '') from %s as r', p_sql) into v_answer;
    raise exception using errcode = 'XX999', message = concat_ws(',',
        coalesce(v_answer ~* 'zebra|\mpatient@clinic\.test|999 0001', false),
        (select count(*) > 0 from app.reads_about(pg_temp.id_of('patient'), null, 1000) as r
         where r.id > v_last and r.operation = p_name));
exception when sqlstate 'XX999' then
    return string_to_array(sqlerrm, ',');
end;
$$;
create temp table outcome on commit drop as
select c.*, t.outcome[1] = 't' as shows_data, t.outcome[2] = 't' as is_seen
from call as c
cross join lateral pg_temp.tried(c.name, c.actor, c.sql) as t (outcome);

select cmp_ok((select count(*) from answering), '>=', 60::bigint,
    'my_access_log: there are functions to try');
-- Others are tried in their own test: db/tests/helpers/reads.psql.
\set tried `grep -roE "pg_temp\.records_read\('[a-z_]+'" db/tests --include='*.sql'`
select is_empty(
    format(
        $q$
        select a.name from answering as a
        except select name from call
        except select name from no_read
        except select m.name[2] from regexp_matches(
            %L, '/([a-z_]+)\.sql:pg_temp\.records_read\(''(\1)''', 'g') as m (name)
        $q$, :'tried'),
    'my_access_log: every function that answers is tried above or in its own test, or stands on '
    'the reviewed list of those that show no data of others');
select is_empty(
    '(select name from call union select name from no_read) except select name from answering',
    'my_access_log: every function that is tried or on the reviewed list exists');
select is_empty(
    'select name, actor, sql from outcome where shows_data and not is_seen',
    'my_access_log: a function that shows data of a patient to somebody else is in the patient''s '
    'access log');
select is_empty(
    'select name, actor, sql from outcome where is_read <> is_seen',
    'my_access_log: exactly the reads of the data of the patient are in the patient''s access log');
select cmp_ok(
    (select count(distinct name) from outcome where shows_data), '>=', 12::bigint,
    'my_access_log: the answers show the data of the patient');

-- Its entries
select pg_temp.sign_in('doctor', p_request_id => 'request-doctor');
set local role telemed_api;
select id from api.list_consultations() \g /dev/null
select pg_temp.sign_in('admin', p_request_id => 'request-admin');
select id from api.get_consultation(:'treated') \g /dev/null
select pg_temp.sign_in('patient', p_request_id => 'request-patient');
select * from api.get_consultation(:'treated') \g /dev/null
select id from api.my_access_log(1) \g /dev/null
reset role;
create temp table entry on commit drop as
select * from api.my_access_log(3) with ordinality;
select collect_tap(
    is(e.reader_name, 'Pat Zebra', 'my_access_log: the newest entry comes first'),
    is(e.reader_role, 'patient', 'my_access_log: reading the access log is recorded in it'),
    is(e.operation, 'my_access_log', 'my_access_log: that entry names the function'),
    is(e.resource_ids, array[pg_temp.id_of('patient')],
        'my_access_log: that entry is about the account'))
from entry as e where e.ordinality = 1;
select collect_tap(
    is(e.reader_name, 'Ada Admin', 'my_access_log: an entry has the name of the reader'),
    is(e.reader_role, 'admin', 'my_access_log: an entry has the role of the reader'),
    is(e.operation, 'get_consultation', 'my_access_log: an entry has the function'),
    is(e.resource_ids, array[:'treated']::uuid[],
        'my_access_log: an entry has the consultation that was read'),
    is(e.request_id, 'request-admin', 'my_access_log: an entry has the request'))
from entry as e where e.ordinality = 2;
select collect_tap(
    is(e.reader_name, 'Doctor doctor', 'my_access_log: a doctor is named as well'),
    set_eq(
        format('select unnest(%L::uuid[])', e.resource_ids),
        format('select unnest(%L::uuid[])', array[:'treated', :'scheduled']),
        'my_access_log: an entry of a list has only the consultations of the patient'))
from entry as e where e.ordinality = 3;
select is_empty(
    $$ select column_name from information_schema.columns
       where table_schema = 'api' and table_name = 'reads_of_me' and column_name ~ 'mail' $$,
    'my_access_log: an entry has no e-mail address');

-- A DBA
set local role telemed_dba;
select id from ops.act_as('doctor@clinic.test') \g /dev/null
select id from api.get_consultation(:'treated') \g /dev/null
select valid_from from ops.row_history('consultations', :'treated') \g /dev/null
select id from ops.act_as('patient@clinic.test') \g /dev/null
select results_eq(
    'select operation, reader_role, reader_name from api.my_access_log(3)',
    $$ values ('act_as', 'dba', null::text), ('row_history', 'dba', null),
              ('get_consultation', 'dba', null) $$,
    'my_access_log: a DBA is shown as a DBA, also one who acted as a doctor or as the patient');
reset role;

-- Request ids of the REST API that look like one of a DBA, and that are one of a DBA: the doctor
-- sees it in their own access log.
insert into app.access_logs (kind, operation, user_id, role, database_login, request_id)
values ('act_as', 'act_as', pg_temp.id_of('doctor'), 'doctor', 'a_dba', 'psql-2-2');
select pg_temp.sign_in('doctor', p_request_id => 'psql-1-1');
select id from api.get_consultation(:'treated') \g /dev/null
select pg_temp.sign_in('doctor', p_request_id => 'psql-2-2');
select id from api.get_consultation(:'treated') \g /dev/null
select pg_temp.sign_in('patient');
select results_eq(
    'select request_id, reader_role, reader_name from api.my_access_log(2)',
    $$ values ('psql-2-2', 'doctor', 'Doctor doctor'), ('psql-1-1', 'doctor', 'Doctor doctor') $$,
    'my_access_log: no request id makes a reader a DBA, not even one of a DBA');

-- Pages
select pg_temp.all_pages('api.my_access_log(p_limit => 2, p_cursor => %L)') as pages \gset
select is(
    (select count(distinct p) from unnest(:'pages'::text[]) as p),
    cardinality(:'pages'::text[])::bigint,
    'my_access_log: no entry is on two pages, although each page adds one');
select cmp_ok(
    cardinality(:'pages'::text[]), '>=', 8, 'my_access_log: the pages go back to the first entry');
select is(pg_temp.refusal('patient', 'select api.my_access_log(0)'), 'TM201 limit',
    'my_access_log: a limit of 0 is refused');

-- Others
select pg_temp.sign_in('other_patient');
select is_empty(
    format(
        $$ select e.id from api.my_access_log(1000) as e
           where e.resource_ids && array[%L, %L, %L]::uuid[] $$,
        :'treated', :'scheduled', pg_temp.id_of('patient')),
    'my_access_log: another patient sees nothing about this patient');
select isnt_empty(
    format('select e.id from api.my_access_log() as e where %L = any (e.resource_ids)',
        :'foreign_booking'),
    'my_access_log: another patient sees the reads of their own consultation');
select is(
    pg_temp.refusal('nobody', 'select api.my_access_log()'), 'TM101',
    'my_access_log: a caller who is not logged in is refused');
select pg_temp.sign_in('doctor');
select is_empty(
    format('select e.id from api.my_access_log() as e where %L = any (e.resource_ids)', :'treated'),
    'my_access_log: a doctor does not see who has read the data of a patient');

select * from finish();
rollback;
