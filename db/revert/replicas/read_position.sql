-- Revert telemed:replicas/read_position from pg

begin;

drop function api.read_position;

commit;
