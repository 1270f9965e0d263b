-- Verify telemed:identity/enrol_mfa on pg

begin;

select 'api.enrol_mfa(text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.enrol_mfa(text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.enrol_mfa(text)', 'execute')::integer;

rollback;
