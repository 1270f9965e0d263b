-- Verify telemed:operations/system_figures on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.system_figures'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.system_figures'::regproc, 'execute')::integer;

rollback;
