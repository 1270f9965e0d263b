-- Revert telemed:identity/confirm_mfa from pg

begin;

drop function api.confirm_mfa(text, bigint);
drop type api.recovery_codes;

commit;
