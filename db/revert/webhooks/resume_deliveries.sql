-- Revert telemed:webhooks/resume_deliveries from pg

begin;

drop function work.resume_deliveries;

commit;
