-- Revert telemed:identity/issue_recovery_codes from pg

begin;

drop function app.issue_recovery_codes(uuid);
drop function app.recovery_code_hash(text);
drop function app.new_recovery_code();

commit;
