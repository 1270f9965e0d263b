-- Verify telemed:scheduling/list_open_slots on pg

begin;

select 'api.list_open_slots(uuid, timestamptz, timestamptz, text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_open_slots(uuid, timestamptz, timestamptz, text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_open_slots(uuid, timestamptz, timestamptz, text, integer, text)', 'execute')::integer;

rollback;
