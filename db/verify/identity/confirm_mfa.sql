-- Verify telemed:identity/confirm_mfa on pg

begin;

select null::api.recovery_codes;
select 'api.confirm_mfa(text, bigint)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.confirm_mfa(text, bigint)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.confirm_mfa(text, bigint)', 'execute')::integer;

rollback;
