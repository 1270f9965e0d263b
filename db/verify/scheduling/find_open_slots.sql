-- Verify telemed:scheduling/find_open_slots on pg

begin;

select 'api.find_open_slots(text, timestamptz, timestamptz, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.find_open_slots(text, timestamptz, timestamptz, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.find_open_slots(text, timestamptz, timestamptz, integer, text)', 'execute')::integer;

rollback;
