-- Revert telemed:operations/seal_audit from pg

begin;

drop function ops.seal_audit(integer, interval);

commit;
