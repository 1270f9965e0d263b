-- Verify telemed:scheduling/publish_weekly_slots on pg

begin;

select null::api.skipped_slot;
select null::api.weekly_publication;
select 'api.publish_weekly_slots(date, date, integer[], time, time, integer, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.publish_weekly_slots(date, date, integer[], time, time, integer, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.publish_weekly_slots(date, date, integer[], time, time, integer, text, text)', 'execute')::integer;

rollback;
