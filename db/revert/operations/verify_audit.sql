-- Revert telemed:operations/verify_audit from pg

begin;

drop function ops.verify_audit(jsonb, date);
drop type ops.audit_problems;

commit;
