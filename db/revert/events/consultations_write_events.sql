-- Revert telemed:events/consultations_write_events from pg

begin;

drop trigger consultations_write_events on app.consultations;
drop trigger consultations_write_events_when_booked on app.consultations;
drop function app.consultations_write_events();
drop function app.add_missing_events();

commit;
