-- Verify telemed:operations/check_audit on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.check_audit'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.check_audit'::regproc, 'execute')::integer;

rollback;
