-- Revert telemed:jobs/retry_dead_jobs from pg

begin;

drop function api.retry_dead_jobs;
drop type api.retried_jobs;

commit;
