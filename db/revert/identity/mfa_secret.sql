-- Revert telemed:identity/mfa_secret from pg

begin;

drop function api.mfa_secret(text, text);

commit;
