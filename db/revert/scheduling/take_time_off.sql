-- Revert telemed:scheduling/take_time_off from pg

begin;

drop function api.take_time_off(timestamptz, timestamptz, text, text);

commit;
