-- Revert telemed:scheduling/get_time_off from pg

begin;

drop function api.get_time_off(uuid);

commit;
