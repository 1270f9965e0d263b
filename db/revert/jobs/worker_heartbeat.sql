-- Revert telemed:jobs/worker_heartbeat from pg

begin;

drop function api.worker_heartbeat;

commit;
