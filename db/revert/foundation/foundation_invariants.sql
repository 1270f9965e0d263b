-- Revert telemed:foundation/foundation_invariants from pg

begin;

drop function app.foundation_invariants(timestamptz);

commit;
