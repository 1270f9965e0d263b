-- Revert telemed:jobs/postpone_job from pg

begin;

drop function work.postpone_job;

commit;
