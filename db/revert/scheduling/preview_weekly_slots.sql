-- Revert telemed:scheduling/preview_weekly_slots from pg

begin;

drop function api.preview_weekly_slots;
drop type api.weekly_preview;
drop type api.new_slot;

commit;
