-- Revert telemed:audit/audit_row_hash from pg

begin;

drop trigger audit_logs_have_their_hash on app.audit_logs;
drop function app.audit_logs_have_their_hash();
drop function app.audit_row_hash(app.audit_logs);

commit;
