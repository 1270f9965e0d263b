-- Revert telemed:jobs/settle_job from pg

begin;

drop function work.settle_job;

commit;
