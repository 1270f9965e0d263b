-- Verify telemed:calendars/get_consultation_calendar on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.get_consultation_calendar'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.get_consultation_calendar'::regproc, 'execute')::integer;

rollback;
