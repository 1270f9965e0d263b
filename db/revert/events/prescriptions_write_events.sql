-- Revert telemed:events/prescriptions_write_events from pg

begin;

drop trigger prescriptions_write_events on app.prescriptions;
drop function app.prescriptions_write_events();

commit;
