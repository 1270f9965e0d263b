-- Revert telemed:identity/disable_mfa from pg

begin;

drop function api.disable_mfa(bigint, text);

commit;
