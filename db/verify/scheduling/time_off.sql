-- Verify telemed:scheduling/time_off on pg

begin;

select id, doctor_id, starts_at, ends_at, reason, created_at
from app.time_off where false;
select 'app.time_off_by_doctor'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'time_off_is_audited' and tgrelid = 'app.time_off'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'time_off_is_never_truncated' and tgrelid = 'app.time_off'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'time_off_is_taken_or_ended_whole' and tgrelid = 'app.time_off'::regclass;
select 'app.time_off_withdraws_open_slots()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'time_off_withdraws_open_slots' and tgrelid = 'app.time_off'::regclass;
select 'app.availability_slots_respect_time_off()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'availability_slots_respect_time_off' and tgrelid = 'app.availability_slots'::regclass;
select * from api.time_off where false;
select null::api.time_off_taken;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.time_off'::regclass;

rollback;
