-- Revert telemed:operations/drop_partitions from pg

begin;

drop function ops.drop_partitions(text, interval);
drop function app.retire_audit_rows(date);

commit;
