-- Revert telemed:events/events_invariants from pg

begin;

drop function app.events_invariants(timestamptz);
drop function app.events_kept_since();

commit;
