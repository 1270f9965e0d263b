-- Revert telemed:events/payments_write_events from pg

begin;

drop trigger payments_write_events on app.payments;
drop function app.payments_write_events();

commit;
