-- Revert telemed:identity/my_password_salt from pg

begin;

drop function api.my_password_salt();

commit;
