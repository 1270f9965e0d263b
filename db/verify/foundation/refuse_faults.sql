-- Verify telemed:foundation/refuse_faults on pg

begin;

select 'app.refuse_faults(app.fault[])'::regprocedure;

rollback;
