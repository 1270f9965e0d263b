-- Revert telemed:scheduling/get_slot from pg

begin;

drop function api.get_slot(uuid);

commit;
