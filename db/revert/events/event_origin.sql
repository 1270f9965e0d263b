-- Revert telemed:events/event_origin from pg

begin;

drop function app.first_event_of_cluster();
drop table app.event_origin;

commit;
