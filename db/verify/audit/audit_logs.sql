-- Verify telemed:audit/audit_logs on pg

begin;

select id, occurred_at, table_name, row_id, operation, old, new, user_id, role, database_login, request_id
from app.audit_logs where false;
select 'app.audit_logs_by_row'::regclass;
select 'app.audit_logs_by_user'::regclass;
select 'app.audit_logs_by_request'::regclass;
select 'app.audit_logs_by_time'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'audit_logs_are_append_only' and tgrelid = 'app.audit_logs'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'audit_logs_are_never_truncated' and tgrelid = 'app.audit_logs'::regclass;
select * from api.audit_logs where false;
select 'ops.audit_logs'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.audit_logs'::regclass;

rollback;
