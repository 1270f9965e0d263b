-- Revert telemed:audit/audit_logs from pg

begin;

-- Rows about roles and context keys may be lost: a deployment itself writes them.
select app.refuse_to_lose_rows('audit_logs', 'table_name', '{roles,context_keys}');

drop view ops.audit_logs;
drop view api.audit_logs;
drop table app.audit_logs;

commit;
