-- Revert telemed:identity/mfa_secret from pg

begin;

drop function api.mfa_secret(text, text);
drop type api.mfa_secrets;

commit;
