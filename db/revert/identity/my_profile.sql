-- Revert telemed:identity/my_profile from pg

begin;

drop function api.my_profile();

commit;
