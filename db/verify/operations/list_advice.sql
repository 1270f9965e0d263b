-- Verify telemed:operations/list_advice on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.list_advice'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_advice'::regproc, 'execute')::integer;

rollback;
