-- Revert telemed:operations/remove_second_factor from pg

begin;

drop function ops.remove_second_factor(text);

commit;
