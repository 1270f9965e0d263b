-- Revert telemed:jobs/return_jobs from pg

begin;

drop function work.return_lost_jobs;
drop function work.jobs_of_worker;
drop function work.enqueue_due_jobs;
drop function work.retry_stalled_jobs;
drop function app.return_jobs;
drop type work.returned_job;

commit;
