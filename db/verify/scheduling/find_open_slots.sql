-- Verify telemed:scheduling/find_open_slots on pg

begin;

select 'api.find_open_slots'::regproc;
select 1 / has_function_privilege(
    'telemed_api', 'api.find_open_slots'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.find_open_slots'::regproc, 'execute')::integer;

rollback;
