-- Verify telemed:payments/payments_stay_within_bounds on pg

begin;

select 'app.payments_stay_within_bounds()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'payments_stay_within_bounds' and tgrelid = 'app.payments'::regclass;

rollback;
