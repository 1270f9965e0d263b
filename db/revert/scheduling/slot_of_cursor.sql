-- Revert telemed:scheduling/slot_of_cursor from pg

begin;

drop function app.slot_of_cursor(uuid);

commit;
