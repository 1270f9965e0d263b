-- Verify telemed:scheduling/end_time_off on pg

begin;

select 'api.end_time_off(uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.end_time_off(uuid)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.end_time_off(uuid)', 'execute')::integer;

rollback;
