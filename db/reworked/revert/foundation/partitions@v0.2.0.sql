-- Revert telemed:foundation/partitions from pg

begin;

drop function app.create_partition(text, date);
drop function app.default_partition_is_used();

commit;
