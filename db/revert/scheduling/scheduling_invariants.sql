-- Revert telemed:scheduling/scheduling_invariants from pg

begin;

drop function app.scheduling_invariants(timestamptz);

commit;
