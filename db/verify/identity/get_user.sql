-- Verify telemed:identity/get_user on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.get_user'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.get_user'::regproc, 'execute')::integer;

rollback;
