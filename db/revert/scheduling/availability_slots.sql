-- Revert telemed:scheduling/availability_slots from pg

begin;

drop view api.offered_slots;
drop view api.availability_slots;
drop trigger availability_slots_keep_their_time on app.availability_slots;
drop function app.availability_slots_keep_their_time();
drop table app.availability_slots;

commit;
