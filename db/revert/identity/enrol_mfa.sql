-- Revert telemed:identity/enrol_mfa from pg

begin;

drop function api.enrol_mfa(text);

commit;
