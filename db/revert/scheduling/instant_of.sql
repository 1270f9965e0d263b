-- Revert telemed:scheduling/instant_of from pg

begin;

drop function app.instant_of(timestamp, text);

commit;
