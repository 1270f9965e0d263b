-- Verify telemed:identity/list_users on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.list_users'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_users'::regproc, 'execute')::integer;

rollback;
