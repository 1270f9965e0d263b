-- Verify telemed:payments/payments_invariants on pg

begin;

select 'app.payments_invariants(timestamptz)'::regprocedure;

rollback;
