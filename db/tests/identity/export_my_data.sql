begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(16);

-- Rows of every kind about the patient; those of the other patient and the doctor beside them
select pg_temp.sign_in('patient');
select full_name from api.update_my_profile('Pat Zebra', '+49 999 0001', '1980-02-29', p_versions => '{*}') \gset
select kind from api.update_my_notifications('reminder', true, true) \gset
select token from api.request_password_reset('patient@clinic.test') \gset
select pg_temp.sign_in('doctor', p_request_id => 'request-doctor');
select id from api.get_consultation(:'completed') \g /dev/null
select app.issue_recovery_codes(pg_temp.id_of('patient')) \g /dev/null
select pg_temp.sign_in('patient');
create temp table export on commit drop as
select k.key as table_name, k.value as rows
from api.export_my_data() as e
cross join lateral jsonb_each(e.tables::jsonb) as k;
select pg_temp.sign_in('doctor');
create temp table export_of_doctor on commit drop as
select k.key as table_name, k.value as rows
from api.export_my_data() as e
cross join lateral jsonb_each(e.tables::jsonb) as k;

-- Every table that refers to a user, directly or through another table
create temp table about_users on commit drop as
with recursive about as (
    select 'app.users'::regclass as id
    union
    select coalesce(
        (select i.inhparent::regclass from pg_inherits as i where i.inhrelid = k.conrelid),
        k.conrelid::regclass)
    from about as a
    inner join pg_constraint as k on k.contype = 'f' and k.confrelid = a.id
)
select c.oid, c.relname::text as table_name
from about as a
inner join pg_class as c on c.oid = a.id;
select cmp_ok((select count(*) from about_users), '>=', 14::bigint,
    'export_my_data: there are tables about users');
select is_empty(
    $$
    select table_name from about_users
    except select table_name from export
    -- Tokens of the sessions and of the messages, which are in the export
    except values ('refresh_tokens'), ('message_tokens')
    $$,
    'export_my_data: every table that refers to a user is in the export');
select is_empty(
    $$
    select e.table_name from export as e
    where to_regclass('app.' || e.table_name) is null
    $$,
    'export_my_data: every name in the export is that of a table');
select is_empty(
    $$
    select unnest('{users,profiles,notification_preferences,sessions,recovery_codes,
        email_verifications,password_resets,idempotency_keys,consultations,prescriptions,
        prescription_items,payments,access_logs}'::text[])
    except
    select e.table_name from export as e where e.rows <> '[]'
    $$,
    'export_my_data: the export of a patient has rows of these tables');
select is_empty(
    $$
    select t.table_name, a.attname
    from about_users as t
    inner join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    inner join export as e on e.table_name = t.table_name and e.rows <> '[]'
    where not e.rows -> 0 ? a.attname::text
      and (t.table_name, a.attname::text) not in (
          ('users', 'password_hash'), ('users', 'mfa_secret'),
          ('recovery_codes', 'code_hash'), ('email_verifications', 'token_hash'),
          ('password_resets', 'token_hash'), ('password_resets', 'requested_from'),
          ('idempotency_keys', 'fingerprint'), ('idempotency_keys', 'fingerprint_version'),
          ('idempotency_keys', 'response'),
          ('consultations', 'completion_digest'), ('consultations', 'patient_role'))
    $$,
    'export_my_data: every column is in the export, except the reviewed list');
select is_empty(
    $$
    select e.table_name, k.key
    from (select * from export union all select * from export_of_doctor) as e
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(e.rows) = 'array' then e.rows else '[]' end) as r (row)
    cross join lateral jsonb_each(r.row) as k
    where k.key ~ 'hash|secret|token|password|digest|fingerprint'
       or k.value::text ~ '\$2b\$'
    $$,
    'export_my_data: no secret is in the export');
select set_eq(
    $$ select r.row ->> 'id' from export as e
       cross join lateral jsonb_array_elements(e.rows) as r (row)
       where e.table_name = 'consultations' $$,
    format(
        'select c.id::text from app.consultations as c where c.patient_id = %L',
        pg_temp.id_of('patient')),
    'export_my_data: the export has exactly the consultations of the patient');
select is_empty(
    format(
        $$ select e.table_name from export as e where e.rows::text ~ '%s|other_patient@clinic' $$,
        pg_temp.id_of('other_patient')),
    'export_my_data: the export has nothing about another patient');
select is(
    (select r.row ->> 'doctor_name'
     from export as e cross join lateral jsonb_array_elements(e.rows) as r (row)
     where e.table_name = 'consultations' and r.row ->> 'id' = :'completed'),
    'Doctor doctor', 'export_my_data: a consultation has the name of its doctor');
select results_eq(
    $$ select r.row ->> 'operation', r.row ->> 'reader_name', r.row ->> 'request_id'
       from export as e cross join lateral jsonb_array_elements(e.rows) as r (row)
       where e.table_name = 'access_logs' limit 1 $$,
    $$ values ('get_consultation', 'Doctor doctor', 'request-doctor') $$,
    'export_my_data: the export has the reads of the data, the newest first');
select is(
    (select count(*) from export_of_doctor as e
     cross join lateral jsonb_array_elements(e.rows) as r (row)
     where e.table_name = 'availability_slots'),
    (select count(*) from app.availability_slots as s where s.doctor_id = pg_temp.id_of('doctor')),
    'export_my_data: the export of a doctor has their slots');
select is(
    (select e.rows from export_of_doctor as e where e.table_name = 'consultations'), '[]'::jsonb,
    'export_my_data: the export of a doctor has no consultations of patients');
select is_empty(
    $$ select e.table_name from export_of_doctor as e where e.rows::text ~* 'zebra' $$,
    'export_my_data: the export of a doctor has no data of patients');

select pg_temp.sign_in('patient');
select is(r.operation, 'export_my_data', 'export_my_data: an export is recorded in the access log')
from api.my_access_log(1) as r;
set local role telemed_api;
select is(pg_temp.refusal('nobody', 'select api.export_my_data()'), 'TM101',
    'export_my_data: a caller who is not logged in is refused');
reset role;
update app.users set deactivated_at = app.clock() where id = pg_temp.id_of('other_patient');
set local role telemed_api;
select is(pg_temp.refusal('other_patient', 'select api.export_my_data()'), 'TM102',
    'export_my_data: a deactivated user is refused');

select * from finish();
rollback;
