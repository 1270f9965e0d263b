-- Verify telemed:scheduling/preview_weekly_slots on pg

begin;

select null::api.new_slot;
select null::api.weekly_preview;
select 1 / has_function_privilege(
    'telemed_api', 'api.preview_weekly_slots'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.preview_weekly_slots'::regproc, 'execute')::integer;

rollback;
