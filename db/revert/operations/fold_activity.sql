-- Revert telemed:operations/fold_activity from pg

begin;

drop function ops.rebuild_activity();
drop function ops.fold_activity(bigint);

commit;
