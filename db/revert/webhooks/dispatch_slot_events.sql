-- Revert telemed:webhooks/dispatch_slot_events from pg

begin;

drop function work.dispatch_slot_events;

commit;
