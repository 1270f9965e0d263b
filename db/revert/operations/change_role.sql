-- Revert telemed:operations/change_role from pg

begin;

drop function ops.change_role(text, text);

commit;
