-- Verify telemed:audit/list_audit_seals on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.list_audit_seals'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_audit_seals'::regproc, 'execute')::integer;

rollback;
