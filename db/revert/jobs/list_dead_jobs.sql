-- Revert telemed:jobs/list_dead_jobs from pg

begin;

drop function api.list_dead_jobs;
drop type api.dead_jobs;

commit;
