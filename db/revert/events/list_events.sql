-- Revert telemed:events/list_events from pg

begin;

drop function api.list_events(text, text[], integer);
drop function app.next_events(xid8, bigint, integer);

commit;
