-- Verify telemed:jobs/postpone_job on pg

begin;

select 'work.postpone_job(bigint, bigint, timestamptz)'::regprocedure;

rollback;
