-- Revert telemed:jobs/scheduled_work from pg

begin;

drop function work.purge;
drop function work.create_partitions;
drop function work.seal_audit;
drop function work.audit_seals;
drop function work.fold_activity;
drop function work.check_invariants;
drop function work.delete_ended_jobs;

commit;
