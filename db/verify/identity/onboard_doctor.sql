-- Verify telemed:identity/onboard_doctor on pg

begin;

select 'api.onboard_doctor(text, text, text, text, text, bigint, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.onboard_doctor(text, text, text, text, text, bigint, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.onboard_doctor(text, text, text, text, text, bigint, text, text)', 'execute')::integer;

rollback;
