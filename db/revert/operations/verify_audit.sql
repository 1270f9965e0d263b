-- Revert telemed:operations/verify_audit from pg

begin;

drop function ops.verify_audit(jsonb, date);
drop function app.audit_problems;
drop type ops.audit_problems;

commit;
