-- Revert telemed:scheduling/list_open_slots from pg

begin;

drop function api.list_open_slots(uuid, timestamptz, timestamptz, text, integer, text);

commit;
