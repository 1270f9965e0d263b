-- Verify telemed:events/consultations_write_events on pg

begin;

select 'app.consultations_write_events()'::regprocedure, 'app.add_missing_events()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultations_write_events_when_booked' and tgrelid = 'app.consultations'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultations_write_events' and tgrelid = 'app.consultations'::regclass;

rollback;
