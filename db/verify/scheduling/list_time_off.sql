-- Verify telemed:scheduling/list_time_off on pg

begin;

select 'api.list_time_off(text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_time_off(text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_time_off(text, integer, text)', 'execute')::integer;

rollback;
