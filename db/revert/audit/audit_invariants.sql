-- Revert telemed:audit/audit_invariants from pg

begin;

drop function app.audit_invariants(timestamptz);

commit;
