-- Verify telemed:scheduling/availability_slots on pg

begin;

select id, doctor_id, starts_at, ends_at, specialty, status, created_at, starts_at_local, time_zone
from app.availability_slots where false;
select 'app.availability_slots_open_by_doctor'::regclass;
select 'app.availability_slots_open_by_specialty'::regclass;
select 'app.availability_slots_open_by_time'::regclass;
select 'app.availability_slots_are_offered_by_active_doctors()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'availability_slots_are_offered_by_active_doctors' and tgrelid = 'app.availability_slots'::regclass;
select 'app.deactivated_doctors_offer_no_slots()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'deactivated_doctors_offer_no_slots' and tgrelid = 'app.users'::regclass;
select 'app.doctors_take_their_slots_along()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'doctors_take_their_slots_along' and tgrelid = 'app.doctors'::regclass;
select 'app.availability_slots_keep_their_time()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'availability_slots_keep_their_time' and tgrelid = 'app.availability_slots'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'availability_slots_are_audited' and tgrelid = 'app.availability_slots'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'availability_slots_are_never_deleted' and tgrelid = 'app.availability_slots'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'availability_slots_are_never_truncated' and tgrelid = 'app.availability_slots'::regclass;
select * from api.availability_slots where false;
select * from api.offered_slots where false;

rollback;
