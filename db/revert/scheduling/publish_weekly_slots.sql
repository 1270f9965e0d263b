-- Revert telemed:scheduling/publish_weekly_slots from pg

begin;

drop function api.publish_weekly_slots(date, date, integer[], time, time, integer, text, text);
drop type api.weekly_publication;
drop type api.skipped_slot;

commit;
