-- Revert telemed:jobs/dispatch_event from pg

begin;

drop function work.dispatch_event;

commit;
