-- Verify telemed:calendars/revoke_my_calendar on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.revoke_my_calendar'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.revoke_my_calendar'::regproc, 'execute')::integer;

rollback;
