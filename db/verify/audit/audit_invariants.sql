-- Verify telemed:audit/audit_invariants on pg

begin;

select 'app.audit_invariants(timestamptz)'::regprocedure;

rollback;
