-- Verify telemed:identity/update_my_profile on pg

begin;

select 'api.update_my_profile(text, text, date, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.update_my_profile(text, text, date, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.update_my_profile(text, text, date, text, text)', 'execute')::integer;

rollback;
