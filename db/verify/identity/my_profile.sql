-- Verify telemed:identity/my_profile on pg

begin;

select 'api.my_profile()'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.my_profile()', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.my_profile()', 'execute')::integer;

rollback;
