-- Verify telemed:events/payments_write_events on pg

begin;

select 'app.payments_write_events()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'payments_write_events' and tgrelid = 'app.payments'::regclass;

rollback;
