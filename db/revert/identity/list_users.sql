-- Revert telemed:identity/list_users from pg

begin;

drop function api.list_users;

commit;
