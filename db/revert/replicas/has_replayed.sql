-- Revert telemed:replicas/has_replayed from pg

begin;

drop function api.has_replayed;

commit;
