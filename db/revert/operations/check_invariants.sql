-- Revert telemed:operations/check_invariants from pg

begin;

drop function api.check_invariants();
drop function ops.check_invariants();
drop table app.invariants;
drop view app.invariant_violations;
drop type api.invariants;

commit;
