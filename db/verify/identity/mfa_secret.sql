-- Verify telemed:identity/mfa_secret on pg

begin;

select null::api.mfa_secrets;
select 'api.mfa_secret(text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.mfa_secret(text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.mfa_secret(text, text)', 'execute')::integer;

rollback;
