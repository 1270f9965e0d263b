-- Revert telemed:identity/update_my_profile from pg

begin;

drop function api.update_my_profile;

commit;
