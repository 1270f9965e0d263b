-- Revert telemed:operations/check_invariants from pg

begin;

drop function api.check_invariants(timestamptz);
drop function ops.check_invariants(timestamptz);
drop table app.invariants;
drop function app.invariant_violations(timestamptz);
drop function app.first_id_since(timestamptz);
drop type api.invariants;

commit;
