-- Verify telemed:scheduling/plan_weekly_slots on pg

begin;

select null::app.planned_slot;
select 'app.plan_weekly_slots'::regproc;

rollback;
