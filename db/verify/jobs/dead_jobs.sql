-- Verify telemed:jobs/dead_jobs on pg

begin;

select 'ops.dead_jobs()'::regprocedure, 'ops.retry_dead_jobs(text, bigint)'::regprocedure,
    'ops.retry_job(bigint)'::regprocedure;

rollback;
