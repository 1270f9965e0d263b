-- Verify telemed:foundation/foundation_invariants on pg

begin;

select 'app.foundation_invariants(timestamptz)'::regprocedure;

rollback;
