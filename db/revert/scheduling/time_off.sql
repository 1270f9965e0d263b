-- Revert telemed:scheduling/time_off from pg

begin;

drop type api.time_off_taken;
drop view api.time_off;
drop trigger availability_slots_respect_time_off on app.availability_slots;
drop function app.availability_slots_respect_time_off();
drop table app.time_off;

commit;
