-- Revert telemed:jobs/request_of_job from pg

begin;

drop function work.request_of_job(jsonb);

commit;
