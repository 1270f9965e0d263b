-- Verify telemed:scheduling/my_schedule on pg

begin;

select null::api.schedule_entries;
select 1 / has_function_privilege(
    'telemed_api', 'api.my_schedule'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.my_schedule'::regproc, 'execute')::integer;

rollback;
