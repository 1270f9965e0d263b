-- Verify telemed:analytics/activity on pg

begin;

select null::app.total_minor;
select null::app.activity;
select
    id, starts_at, currency, users, patients, doctors, consultations, completed, cancelled,
    booked_seconds, open_seconds, prescriptions, payments, refunds, paid_minor, refunded_minor
from app.activity_by_quarter_hour where false;
select
    id, day, doctor_id, currency, consultations, completed, cancelled, booked_seconds,
    open_seconds, payments, refunds, paid_minor, refunded_minor
from app.activity_by_doctor_and_day where false;
select only_row, last_id from app.activity_folds where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class
where oid in (
    'app.activity_by_quarter_hour'::regclass, 'app.activity_by_doctor_and_day'::regclass,
    'app.activity_folds'::regclass);
select 'app.activity_of_rows(timestamptz, timestamptz)'::regprocedure;
select 'app.activity_of_version(text, jsonb)'::regprocedure;
select 'app.activity_of_changes(bigint, bigint)'::regprocedure;
select 'app.fold_changes(bigint, boolean)'::regprocedure;

rollback;
