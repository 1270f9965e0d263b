-- Verify telemed:jobs/return_jobs on pg

begin;

select 'app.return_jobs(bigint[])'::regprocedure, 'work.retry_stalled_jobs(interval)'::regprocedure,
    'work.enqueue_due_jobs()'::regprocedure, 'work.jobs_of_worker(bigint)'::regprocedure,
    'work.return_lost_jobs(bigint, bigint[])'::regprocedure;

rollback;
