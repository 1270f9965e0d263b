-- Revert telemed:jobs/dead_jobs from pg

begin;

drop function ops.retry_job;
drop function ops.retry_dead_jobs;
drop function ops.dead_jobs;
drop type ops.dead_jobs;

commit;
