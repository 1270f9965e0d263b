-- Revert telemed:identity/my_mfa_secret from pg

begin;

drop function api.my_mfa_secret();

commit;
