-- Revert telemed:operations/check_audit from pg

begin;

drop function api.check_audit;
drop function app.audit_check;
drop type api.audit_checks;
drop type api.audit_problems;

commit;
