-- Revert telemed:operations/create_partitions from pg

begin;

drop function ops.create_partitions(integer);
drop function app.move_rows(text, text);
drop function app.first_month_in_default(text);

commit;
