-- Verify telemed:identity/my_password_salt on pg

begin;

select 'api.my_password_salt()'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.my_password_salt()', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.my_password_salt()', 'execute')::integer;

rollback;
