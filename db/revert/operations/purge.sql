-- Revert telemed:operations/purge from pg

begin;

drop function ops.purge(interval, integer);
drop type ops.purged;

commit;
