-- Revert telemed:identity/require_time_zone from pg

begin;

drop function app.require_time_zone(text);

commit;
