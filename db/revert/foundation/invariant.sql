-- Revert telemed:foundation/invariant from pg

begin;

drop type app.invariant;

commit;
