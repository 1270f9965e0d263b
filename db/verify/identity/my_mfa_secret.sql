-- Verify telemed:identity/my_mfa_secret on pg

begin;

select 'api.my_mfa_secret()'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.my_mfa_secret()', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.my_mfa_secret()', 'execute')::integer;

rollback;
