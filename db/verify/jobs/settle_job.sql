-- Verify telemed:jobs/settle_job on pg

begin;

select 'work.settle_job(bigint, bigint, text, boolean)'::regprocedure;

rollback;
