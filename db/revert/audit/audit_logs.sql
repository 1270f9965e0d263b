-- Revert telemed:audit/audit_logs from pg

begin;

drop view ops.audit_logs;
drop view api.audit_logs;
drop table app.audit_logs;

commit;
