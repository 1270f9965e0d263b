-- Revert telemed:identity/get_user from pg

begin;

drop function api.get_user;

commit;
