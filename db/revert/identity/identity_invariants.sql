-- Revert telemed:identity/identity_invariants from pg

begin;

drop function app.identity_invariants(timestamptz);

commit;
