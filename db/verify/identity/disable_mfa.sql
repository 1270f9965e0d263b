-- Verify telemed:identity/disable_mfa on pg

begin;

select 'api.disable_mfa(bigint, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.disable_mfa(bigint, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.disable_mfa(bigint, text)', 'execute')::integer;

rollback;
