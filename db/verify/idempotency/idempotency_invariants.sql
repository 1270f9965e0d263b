-- Verify telemed:idempotency/idempotency_invariants on pg

begin;

select 'app.idempotency_invariants(timestamptz)'::regprocedure;

rollback;
