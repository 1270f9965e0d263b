-- Revert telemed:identity/deactivate_user from pg

begin;

drop function api.deactivate_user(uuid, boolean, text);
drop type api.deactivations;

commit;
