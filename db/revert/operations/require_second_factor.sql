-- Revert telemed:operations/require_second_factor from pg

begin;

drop function ops.require_second_factor(text[]);

commit;
