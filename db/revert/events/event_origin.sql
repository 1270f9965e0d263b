-- Revert telemed:events/event_origin from pg

begin;

drop function app.require_kept_events(xid8, bigint, integer);
drop function app.note_missing_events(date);
drop function app.missing_months_of_events();
drop function app.note_dropped_events(date);
drop function app.first_event_of_cluster();
drop table app.event_origin;

commit;
