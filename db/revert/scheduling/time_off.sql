-- Revert telemed:scheduling/time_off from pg

begin;

select app.refuse_to_lose_rows('time_off');

drop type api.time_off_taken;
drop view api.time_off;
drop trigger availability_slots_respect_time_off on app.availability_slots;
drop function app.availability_slots_respect_time_off();
drop trigger time_off_withdraws_open_slots on app.time_off;
drop function app.time_off_withdraws_open_slots();
drop table app.time_off;

commit;
