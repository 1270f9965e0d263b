-- Revert telemed:replicas/require_confirmation from pg

begin;

drop function api.require_confirmation;

commit;
