-- Verify telemed:jobs/worker_heartbeat on pg

begin;

select 'api.worker_heartbeat()'::regprocedure;

rollback;
