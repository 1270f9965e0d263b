-- Verify telemed:payments/refundable_minor on pg

begin;

select 'app.refundable_minor(uuid)'::regprocedure;

rollback;
