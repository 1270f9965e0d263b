-- Verify telemed:audit/list_audit_logs on pg

begin;

select 'api.list_audit_logs(text, text, uuid, text, text, timestamptz, timestamptz, text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_audit_logs(text, text, uuid, text, text, timestamptz, timestamptz, text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_audit_logs(text, text, uuid, text, text, timestamptz, timestamptz, text, integer, text)', 'execute')::integer;
select 'app.subject_of_change(text, jsonb)'::regprocedure;

rollback;
