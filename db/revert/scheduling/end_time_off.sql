-- Revert telemed:scheduling/end_time_off from pg

begin;

drop function api.end_time_off(uuid);

commit;
