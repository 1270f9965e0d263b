-- Verify telemed:identity/identity_invariants on pg

begin;

select 'app.identity_invariants(timestamptz)'::regprocedure;

rollback;
