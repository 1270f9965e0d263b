-- Revert telemed:identity/activate_user from pg

begin;

drop function api.activate_user(uuid);

commit;
