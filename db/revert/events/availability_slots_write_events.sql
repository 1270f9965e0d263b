-- Revert telemed:events/availability_slots_write_events from pg

begin;

drop trigger availability_slots_write_events on app.availability_slots;
drop trigger availability_slots_write_events_when_new on app.availability_slots;
drop function app.availability_slots_write_events();
drop function app.new_slots_write_events();

commit;
