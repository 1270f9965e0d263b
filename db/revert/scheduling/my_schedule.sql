-- Revert telemed:scheduling/my_schedule from pg

begin;

drop function api.my_schedule;
drop type api.schedule_entries;

commit;
