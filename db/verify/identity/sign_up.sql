-- Verify telemed:identity/sign_up on pg

begin;

select null::api.sign_ups;
select 'api.sign_up(text, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.sign_up(text, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.sign_up(text, text, text)', 'execute')::integer;

rollback;
