-- Verify telemed:scheduling/doctor_calendar on pg

begin;

select null::api.calendar_days;
select 1 / has_function_privilege(
    'telemed_api', 'api.doctor_calendar'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.doctor_calendar'::regproc, 'execute')::integer;

rollback;
