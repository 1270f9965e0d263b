-- Revert telemed:scheduling/plan_weekly_slots from pg

begin;

drop function app.plan_weekly_slots;
drop type app.planned_slot;

commit;
