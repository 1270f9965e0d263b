-- Revert telemed:scheduling/list_time_off from pg

begin;

drop function api.list_time_off(text, integer, text);

commit;
