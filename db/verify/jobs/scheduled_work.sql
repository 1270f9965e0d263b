-- Verify telemed:jobs/scheduled_work on pg

begin;

select 'work.purge(integer)'::regprocedure, 'work.create_partitions()'::regprocedure,
    'work.seal_audit(interval)'::regprocedure, 'work.audit_seals(bigint)'::regprocedure,
    'work.fold_activity()'::regprocedure, 'work.check_invariants(timestamptz)'::regprocedure,
    'work.delete_ended_jobs()'::regprocedure;

rollback;
