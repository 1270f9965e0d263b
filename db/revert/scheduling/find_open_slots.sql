-- Revert telemed:scheduling/find_open_slots from pg

begin;

drop function api.find_open_slots;

commit;
