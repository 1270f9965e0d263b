-- Verify telemed:identity/close_my_account on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.close_my_account'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.close_my_account'::regproc, 'execute')::integer;

rollback;
