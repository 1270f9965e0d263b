-- Verify telemed:events/availability_slots_write_events on pg

begin;

select 'app.new_slots_write_events()'::regprocedure;
select 'app.availability_slots_write_events()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'availability_slots_write_events_when_new' and tgrelid = 'app.availability_slots'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'availability_slots_write_events' and tgrelid = 'app.availability_slots'::regclass;

rollback;
