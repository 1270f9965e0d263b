-- Revert telemed:audit/audit_logs from pg

begin;

-- What the deployment itself has written down is no loss.
select app.refuse_to_lose_rows('audit_logs', 'table_name', '{roles,context_keys}');

drop view ops.audit_logs;
drop view api.audit_logs;
drop table app.audit_logs;

commit;
