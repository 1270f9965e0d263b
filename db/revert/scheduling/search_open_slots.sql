-- Revert telemed:scheduling/search_open_slots from pg

begin;

drop function app.search_open_slots;

commit;
