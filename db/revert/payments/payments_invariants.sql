-- Revert telemed:payments/payments_invariants from pg

begin;

drop function app.payments_invariants(timestamptz);

commit;
