-- Verify telemed:payments/payable_minor on pg

begin;

select 'app.payable_minor(uuid)'::regprocedure;

rollback;
