-- Verify telemed:calendars/get_calendar_feed on pg

begin;

select 'app.calendar_of_token(text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.get_calendar_feed'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.get_calendar_feed'::regproc, 'execute')::integer;

rollback;
