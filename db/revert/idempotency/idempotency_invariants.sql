-- Revert telemed:idempotency/idempotency_invariants from pg

begin;

drop function app.idempotency_invariants(timestamptz);

commit;
