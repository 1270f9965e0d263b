-- Verify telemed:events/prescriptions_write_events on pg

begin;

select 'app.prescriptions_write_events()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescriptions_write_events' and tgrelid = 'app.prescriptions'::regclass;

rollback;
