-- Verify telemed:scheduling/get_time_off on pg

begin;

select 'api.get_time_off(uuid)'::regprocedure;
select 1 / has_function_privilege('telemed_api', 'api.get_time_off(uuid)', 'execute')::integer;
select 1 / has_function_privilege('telemed_dba', 'api.get_time_off(uuid)', 'execute')::integer;

rollback;
