-- Revert telemed:identity/is_iana_time_zone from pg

begin;

drop function app.is_iana_time_zone(text);

commit;
