-- Revert telemed:jobs/enqueue_job from pg

begin;

drop function app.enqueue_job;

commit;
