-- Verify telemed:scheduling/take_time_off on pg

begin;

select 'api.take_time_off(timestamptz, timestamptz, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.take_time_off(timestamptz, timestamptz, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.take_time_off(timestamptz, timestamptz, text, text)', 'execute')::integer;

rollback;
